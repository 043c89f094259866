"""`python -m tocsin`: the command line, for a process that starts another."""

from tocsin.command_line import main

main()
