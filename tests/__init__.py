"""The claims that Tocsin makes, one test each."""
