"""A server and its follower on a host that has just booted: the same kernel, another boot id, no memory of before."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from bench.server import ServerBroken, clean_environment

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# In a mount namespace of its own, which ends with it: nothing outside sees another boot id.
_AS_BOOTED = f'mount --bind "$BOOT_ID_FILE" {_BOOT_ID} && exec "$@"'
_LISTENING = re.compile(r"Listening at: http://[^\s]*:(\d+) ")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PAUSE_SECONDS = 0.01


class BootedProcess:
    """``inventory …`` as a process group of its own. ``errors`` is where it writes its messages."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: Path) -> None:
        self._process = process
        self._errors = errors

    def why_ended(self) -> str | None:
        """What it said last, if it has ended by itself."""
        if self._process.poll() is None:
            return None
        return f"it ended with status {self._process.returncode}:\n{self._last_words()}"

    def stop_at_once(self) -> None:
        """Stop every process of it where it is (SIGSTOP); returns when no thread runs any more.

        A thread that is in the kernel for a sync stops when that has ended.

        :raises ServerBroken: one does not stop.
        """
        os.killpg(self._process.pid, signal.SIGSTOP)
        end = time.monotonic() + _STOP_SECONDS
        while not all(state in "TZX" for state in _states_of_threads(self._process.pid)):
            if time.monotonic() > end:
                raise ServerBroken(f"SIGSTOP did not stop it in {_STOP_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS / 10)

    def kill(self) -> None:
        """End every process of it; returns when none runs any more."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        while any(state not in "ZX" for state in _states_of_threads(self._process.pid)):
            time.sleep(_PAUSE_SECONDS)

    def end(self) -> int:
        """Ask it to end, and return its status. :raises ServerBroken: it does not."""
        self._process.terminate()
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ServerBroken(f"SIGTERM did not end it in {_STOP_SECONDS:g} s:\n{self._last_words()}") from error

    def _last_words(self) -> str:
        return self._errors.read_text(errors="replace").strip()[-2000:]


class BootedServer(BootedProcess):
    """``inventory serve``."""

    port = 0

    def wait_until_ready(self) -> None:
        """Return when it is ready. :raises ServerBroken: it has ended, or is not ready in a minute."""
        end = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if (reason := self.why_ended()) is not None:
                raise ServerBroken(f"the server does not start: {reason}")
            if time.monotonic() > end:
                raise ServerBroken(f"the server is not ready after {_START_SECONDS:g} s:\n{self._last_words()}")
            time.sleep(_PAUSE_SECONDS)

    def _is_ready(self) -> bool:
        if not self.port:
            found = _LISTENING.search(self._errors.read_text(errors="replace"))
            if found is None:
                return False
            self.port = int(found[1])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/readiness", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


class Boot:
    """One boot of the machine: its boot id, for all servers that start during it."""

    def __init__(self, home: Path) -> None:
        """:param home: where the id, and what the servers write, are kept; not on the disk that is cut off."""
        self._home = home
        self._id = home / f"boot-id-{uuid4()}"
        self._id.write_text(f"{uuid4()}\n")

    @contextmanager
    def serving(self, data_dir: Path, settings: Mapping[str, str]) -> Iterator[BootedServer]:
        """Start a server for the ``with`` block; it is ready, and none of it is left in the end.

        :raises ServerBroken: it does not start.
        """
        environment = {"HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": str(data_dir), **settings}
        server = BootedServer(*self._started(["serve"], environment))
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.kill()

    @contextmanager
    def following(self, data_dir: Path, target: Path) -> Iterator[BootedProcess]:
        """Copy a folder continuously for the ``with`` block."""
        command = ["backup", "--follow", str(target), "--data-dir", str(data_dir)]
        follower = BootedProcess(*self._started(command, {}))
        try:
            yield follower
        finally:
            follower.kill()

    def _started(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> "tuple[subprocess.Popen[bytes], Path]":
        errors = self._home / f"{command[0]}-{uuid4()}.err"
        with errors.open("wb") as messages:
            process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", _AS_BOOTED, "sh", sys.executable, "-m", "inventory.cli", *command],
                cwd=self._home,
                env={**clean_environment(), "BOOT_ID_FILE": str(self._id), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                start_new_session=True,
            )
        return process, errors


def _states_of_threads(group: int) -> Iterator[str]:
    """The state of each thread of a process group, as /proc names it."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of_group) == group:
            yield state
