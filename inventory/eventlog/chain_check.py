"""The hash chain of a long log, checked by a child process while the parent folds the lines.

``python -m inventory.eventlog.chain_check PARENT DATA_DIR BEGIN END``, both as JSON. Not a command for people:
``inventory verify`` is.
"""

import logging
import sys
from contextlib import closing
from pathlib import Path

import orjson

from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import Cursor, LogReader
from inventory.eventlog.shared_header import Position
from inventory.resilience.child_process import Child, ChildFailed, ChildTooSlow, stay_with

_log = logging.getLogger(__name__)
_SECONDS = 60.0
"""How long to wait for the child once the parent is done: the child has less to do and began at the same time."""


class ChainCheck:
    """The check of the lines from ``begin`` to ``end``, in a child process until ``close``."""

    def __init__(self, layout: Layout, begin: Cursor, end: Position) -> None:
        """:raises OSError: no process could be started."""
        arguments = [str(layout.root), _as_json(begin), orjson.dumps(tuple(end)).decode()]
        self._child = Child("inventory.eventlog.chain_check", arguments)

    def confirms(self, end: Cursor) -> bool:
        """Whether the chain is unbroken, and ends as ``end`` says. Waits for the child.

        Also ``False`` if the child was killed or did not finish in time: then it is unknown.
        """
        try:
            return self._child.result(_SECONDS).decode() == _as_json(end)
        except (ChildFailed, ChildTooSlow) as error:
            _log.warning(
                "the child process did not confirm the hash chain of the log; reading the log again: %s", error
            )
            return False

    def close(self) -> None:
        """Kill the child, if it is not done."""
        self._child.close()


def main() -> None:
    """Run the check; if the chain is broken or a file cannot be read, end with a line on stderr and status 1."""
    parent, data_dir, begin, end = sys.argv[1:]
    # With normal priority: the start waits for it.
    stay_with(int(parent))
    place, chain = orjson.loads(begin)
    cursor = Cursor(Position(*place), bytes.fromhex(chain))
    try:
        with closing(LogReader(Layout(Path(data_dir)), cursor)) as reader:
            for _ in reader.read_to(Position(*orjson.loads(end))):
                pass
            sys.stdout.write(_as_json(reader.cursor))
    except (LogDamaged, OSError) as error:
        sys.exit(str(error))


def _as_json(cursor: Cursor) -> str:
    return orjson.dumps((tuple(cursor.position), cursor.chain.hex())).decode()


if __name__ == "__main__":
    main()
