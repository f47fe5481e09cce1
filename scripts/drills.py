"""Overload the service of this checkout, or slow a part of it, and check it against its bounds; see ``--help``."""

import sys
from pathlib import Path

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from drills.cli import main

    from inventory.resilience.standard_streams import harden
except ModuleNotFoundError as error:
    sys.exit(
        f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python scripts/drills.py"
    )

if __name__ == "__main__":
    harden()
    sys.exit(main())
