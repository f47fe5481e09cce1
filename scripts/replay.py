"""Replay orders from a file against a deployment, and prove that the books agree; see ``--help``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trade.replay import main

if __name__ == "__main__":
    sys.exit(main())
