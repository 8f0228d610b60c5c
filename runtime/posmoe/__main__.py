"""`python -m posmoe` is the command `posmoe`."""

from .cli import main

main()
