"""Claims about what happened: examples, contracts, the door."""
