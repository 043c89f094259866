"""The distributed engine's machinery: the connection, the topics, how things stand in them."""
