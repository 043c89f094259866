"""The live page: what a board, a monitor and an engineer see of a trial, at any cut."""
