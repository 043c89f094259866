"""Rules about one participant: the language in which a protocol writes them, and what they come to."""
