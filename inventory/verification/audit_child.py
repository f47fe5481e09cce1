"""The audit child, ``python -m inventory.verification.audit_child PARENT DATA_DIR IMAGE``.

Compares the image of a worker's state with the log, for ``GET /audit/verify``, and prints the result as JSON. Not a
command for people: ``inventory verify`` is.
"""

import json
import sys
from pathlib import Path

from inventory.resilience.child_process import give_way, stay_with


def main() -> None:
    """Run the comparison; without a result, end with a line on stderr and status 1."""
    parent, data_dir, image = sys.argv[1:]
    stay_with(int(parent))
    give_way()
    # Imported only now, at low priority.
    from inventory.eventlog.layout import Layout
    from inventory.eventlog.snapshot import NotASnapshot
    from inventory.verification.verify import audit

    try:
        found = audit(Layout(Path(data_dir)), Path(image))
    except (NotASnapshot, OSError) as error:
        sys.exit(f"the copy of the state or the log cannot be read: {error}")
    sys.stdout.write(json.dumps(found.as_json()))


if __name__ == "__main__":
    main()
