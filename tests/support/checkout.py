"""A folder that looks like a checkout after the first command of README.md, in which blocks are run."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import inventory
from support.blocks import STOP, Block, missing_line
from support.ports import free_port

ROOT = Path(__file__).parents[2]
PACKAGE = Path(inventory.__file__).parents[1]
_PORTS = ("3000", "3001", "8080", "8443")
_SECONDS = 60

# Installing the package anew takes minutes, so the real command's last step stands in for all of it.
_SERVE = """import os, sys
os.execv(".venv/bin/inventory", ["inventory", "serve", "--init"] + sys.argv[1:])
"""


class Checkout:
    """Runs blocks in the folder, the documents' ports replaced by free ones, and ends every server at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._servers: list[subprocess.Popen[bytes]] = []
        self._ports = {port: str(free_port()) for port in _PORTS}
        for folder in ("scripts", ".venv/bin", "bin", "home"):
            (root / folder).mkdir(parents=True)
        for name in ("wsgi.py", "gunicorn.conf.py"):
            shutil.copy(ROOT / name, root)
        (root / "docs").mkdir()
        (root / "docs/nginx.conf").write_text(self._own_ports((ROOT / "docs/nginx.conf").read_text()))
        for name in ("flash_sale.py", "replay.py"):
            shutil.copy(ROOT / "scripts" / name, root / "scripts")
        shutil.copytree(ROOT / "scripts/trade", root / "scripts/trade")
        (root / "scripts/serve.py").write_text(_SERVE)
        (root / "home/.curlrc").write_text("silent\nshow-error\n")
        self._command(".venv/bin/inventory", "-P -m inventory.cli")
        self._command(".venv/bin/gunicorn", "-P -m gunicorn")
        self._command("bin/python3", "")
        if os.geteuid() == 0 and (nginx := shutil.which("nginx")):
            # If root runs the tests, only root may read their folders, and nginx would run its workers as another user.
            self._script("bin/nginx", f'exec {nginx} "$@" -g "user root;"')

    def run(self, block: Block) -> str | None:
        """Do what the block says; return what went wrong, or ``None``."""
        if block.note == STOP:
            self.stop()
            return None
        command = self._own_ports(block.command)
        if block.note == "serves":
            return self._serve(command)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        output = done.stdout.decode().replace("\r", "")
        for port, own in self._ports.items():
            output = output.replace(own, port)
        if done.returncode != block.exit_status:
            return f"ended with status {done.returncode}, not {block.exit_status}:\n{output}"
        line = missing_line(block.expected, output)
        return None if line is None else f"did not print {line!r} where it should, but:\n{output}"

    def stop(self) -> None:
        """End every server that was started here."""
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.wait(timeout=_SECONDS)
        self._servers.clear()
        for file in self.root.glob("*/nginx.pid"):
            if pid := file.read_text().strip():  # "nginx -t" leaves an empty one.
                os.kill(int(pid), signal.SIGTERM)

    def _own_ports(self, text: str) -> str:
        return re.sub("|".join(_PORTS), lambda found: self._ports[found[0]], text)

    def _serve(self, command: str) -> str | None:
        with open(self.root / f"server-{len(list(self.root.glob('server-*')))}.log", "wb") as log:
            server = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"],
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._servers.append(server)
        port = next((own for own in self._ports.values() if own in command), self._ports["3000"])
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and server.poll() is None:
            if _answers(port):
                return None
            time.sleep(0.05)
        return f"the server does not answer on port {port}:\n{Path(log.name).read_text()}"

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.root / "home"),
            "PYTHONPATH": str(PACKAGE),
            "LC_ALL": "C.UTF-8",
            "PORT": self._ports["3000"],
            "WEB_CONCURRENCY": "2",
        }

    def _command(self, name: str, arguments: str) -> None:
        self._script(name, f'exec "{sys.executable}" {arguments} "$@"')

    def _script(self, name: str, line: str) -> None:
        path = self.root / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)


def _answers(port: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
