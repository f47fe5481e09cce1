"""Measure how much time and memory one client can cost the service of this checkout, or another; see ``--help``."""

import sys
from pathlib import Path

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from costs.cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python scripts/costs.py"
    )

if __name__ == "__main__":
    sys.exit(main())
