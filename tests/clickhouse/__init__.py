"""A ClickHouse server for the tests: an old one where it is installed, and the engine of today behind its protocol."""
