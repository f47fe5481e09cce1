"""The standard streams of a process: always open, and a failed write to stderr is ignored."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

OUTPUT = "standard output"
_INPUT_NUMBER, _OUTPUT_NUMBER, _ERROR_NUMBER = range(3)


def harden() -> None:
    """Prepare the streams of this process when it starts. Does nothing if they were replaced already.

    Closed descriptors 0 to 2 are opened, so that no file of ours gets such a number and standard output is not written
    into it. Reading or writing them fails, as if they were closed. Text for ``sys.stderr`` that cannot be written (no
    space, no reader) is dropped. Text for ``sys.stdout`` is a result: if it cannot be written, an ``OSError`` that
    names the stream is raised once; the remaining text is dropped, so that the command decides the exit status.
    """
    if sys.stderr is not sys.__stderr__:
        return
    # Opened for the opposite direction on purpose.
    _keep_open(_INPUT_NUMBER, os.O_WRONLY)
    _keep_open(_OUTPUT_NUMBER, os.O_RDONLY)
    _keep_open(_ERROR_NUMBER, os.O_RDONLY)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(_INPUT_NUMBER, closefd=False)))
    encoding, errors = "utf-8", "strict"
    if sys.stdout is not None:
        sys.stdout.flush()
        encoding, errors = sys.stdout.encoding, sys.stdout.errors or errors
    result = io.BufferedWriter(_Result(_OUTPUT_NUMBER, "w", closefd=False))
    sys.stdout = io.TextIOWrapper(result, encoding, errors, line_buffering=os.isatty(_OUTPUT_NUMBER))
    # Unbuffered, so that the interpreter has nothing to write, and to fail at, when it ends.
    courtesy: Any = _Courtesy(_ERROR_NUMBER, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(courtesy, encoding, "backslashreplace", write_through=True)


class _Courtesy(io.FileIO):
    """Accepts everything, and drops what cannot be written."""

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        size = len(view)
        # An error cannot be reported anywhere else.
        with suppress(OSError):
            while view:
                view = view[os.write(self.fileno(), view) :]
        return size


class _Result(io.FileIO):
    """Raises once if text cannot be written, naming itself, and drops the text after that."""

    _has_failed = False

    def write(self, data: Any, /) -> int:
        if self._has_failed:
            return len(memoryview(data).cast("B"))
        try:
            return super().write(data)
        except OSError as error:
            self._has_failed = True
            raise OSError(error.errno, error.strerror, OUTPUT) from error


def _keep_open(number: int, how: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, how)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
