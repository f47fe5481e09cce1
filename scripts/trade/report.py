"""How each order ended, as lines of JSON: written at once, so that Ctrl-C loses none of them."""

import json
import threading
from pathlib import Path
from types import TracebackType

from trade.files import BadFile
from trade.orders import End


class Report:
    """A file, new at each run. For many threads."""

    def __init__(self, path: Path) -> None:
        """:raises BadFile: it cannot be written."""
        try:
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise BadFile(f"{path} cannot be written: {error}") from error
        self._guard = threading.Lock()

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._file.close()

    def note(self, end: End) -> None:
        """Add one order: what was sold of which SKU, or each short line, or the error."""
        line: dict[str, object] = {"reference": end.order.reference}
        if end.error is not None:
            line |= {"end": "failed", "error": end.error}
        elif end.short:
            line |= {"end": "refused", "short": list(end.short)}
        else:
            line |= {"end": "sold", "sold": dict(end.sold)}
        with self._guard:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
