"""`python -m posmoe_export`."""

from posmoe_export.cli import main

main()
