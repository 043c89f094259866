"""Claims about where the facts flow."""
