"""One arrow of the distributed engine in each file: bytes in, one pure call, results out."""
