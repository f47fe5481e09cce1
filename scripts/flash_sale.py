"""Sell a few units to many buyers at once, and prove that no unit was sold twice; see ``--help``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trade.flash_sale import main

if __name__ == "__main__":
    sys.exit(main())
