"""Write the parts of docs/reference that come from the code, or, with --check, name the stale ones."""

import sys
from pathlib import Path

# Not whichever version is installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from reference.pages import main
except ModuleNotFoundError as error:
    sys.exit(
        f"{error.name} is not installed here. Set up as CONTRIBUTING.md says, with the test tools; then:"
        " .venv/bin/python scripts/reference.py"
    )

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
