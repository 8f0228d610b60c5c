"""`python -m posmoe_train`."""

from posmoe_train.cli import main

main()
