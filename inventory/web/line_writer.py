"""Writes log lines from a separate thread, so that no request waits for standard output."""

import os
import stat
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from select import PIPE_BUF
from typing import Any

GATHER_SECONDS = 0.05
"""How long the thread waits for more lines after the first one, to write all of them at once."""


class LineWriter:
    """A bounded queue of lines, and the thread that formats and writes them.

    The thread starts with the first line and sleeps while there is none. After a fork the child has an empty queue
    (the lines are the parent's) and starts a thread of its own.

    :ivar dropped: lines that were lost: the queue was full, or the output failed.
    """

    def __init__(self, descriptor: int, format_line: Callable[[Any], str], capacity: int = 20_000) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._format = format_line
        self._capacity = capacity
        # Workers share a pipe, and only writes of up to PIPE_BUF bytes are atomic (POSIX write(2)).
        self._at_once = PIPE_BUF if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else 1 << 20
        self._begin()
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_again(reference))

    def _begin(self) -> None:
        self._queue: deque[object] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, item: object) -> None:
        """Queue something that ``format_line`` accepts, or drop it and count. Never blocks."""
        if len(self._queue) >= self._capacity:
            self.dropped += 1
            return
        self._queue.append(item)
        # For each line but the first of a batch this only reads a flag.
        if not self._wake.is_set():
            self._rouse()

    def flush(self, timeout: float) -> bool:
        """Wait until everything queued before is written; ``False`` if ``timeout`` seconds pass first."""
        written = threading.Event()
        self._queue.append(written)
        self._rouse()
        return written.wait(timeout)

    def stop(self, timeout: float) -> None:
        """Write what is queued and end the thread; give up after ``timeout`` seconds."""
        self._stopping.set()
        if self._queue:
            self._rouse()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _rouse(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    # The interpreter is shutting down and starts no threads: write here.
                    self._write_all()
                    return
                self._thread = thread
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._stopping.wait(GATHER_SECONDS)
            # Cleared before the queue is emptied: later lines set it again.
            self._wake.clear()
            self._write_all()
            if self._stopping.is_set() and not self._queue:
                return

    def _write_all(self) -> None:
        batch: list[bytes] = []
        for item in self._taken():
            if isinstance(item, threading.Event):
                self._write(batch)
                batch = []
                item.set()
            else:
                batch.extend(self._formatted(item))
        self._write(batch)

    def _taken(self) -> Iterator[object]:
        # Only the lines that are there now, or a writer slower than the requests would never write.
        for _ in range(len(self._queue)):
            yield self._queue.popleft()

    def _formatted(self, item: object) -> list[bytes]:
        try:
            return [self._format(item).encode(errors="backslashreplace") + b"\n"]
        except Exception:  # noqa: BLE001 - a line that cannot be formatted must not end the thread
            self.dropped += 1
            return []

    def _write(self, lines: list[bytes]) -> None:
        for part in _parts(lines, self._at_once):
            view = memoryview(b"".join(part))
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                # The reader of our output is gone. Only the counter can report it.
                self.dropped += len(part)


def _parts(lines: list[bytes], at_once: int) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) > at_once:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _begin_again(reference: "weakref.ref[LineWriter]") -> None:
    writer = reference()
    if writer is not None:
        writer._begin()
