"""``python -m inventory.cli``."""

from inventory.cli.main import main

main()
