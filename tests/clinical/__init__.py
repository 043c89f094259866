"""Claims about what the facts mean."""
