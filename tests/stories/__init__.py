"""What does Tocsin say to a history? Stories of one rule each, in `*.yaml`: told as facts, held against what stands.

`form` is how a story is written, `telling` makes messages of it, `running` sends them through the core and compares,
`rendering` writes `docs/behaviour.md` of them (`make behaviour`).
"""
