"""A real Kafka for the tests, and for `make kafka`."""
