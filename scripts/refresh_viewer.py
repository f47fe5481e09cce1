"""Take the viewer of /docs from npm into the package, with its licences, and record its version and hashes.

    .venv/bin/python scripts/refresh_viewer.py            the latest release
    .venv/bin/python scripts/refresh_viewer.py 5.35.0     this one

Needs npm, which checks what it fetches against the registry's hash. Nothing changes if a file is missing in the
release. Look at the page in a browser afterwards, and commit the folder.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256, sha512
from pathlib import Path

PACKAGE = "swagger-ui-dist"
VIEWER = Path(__file__).resolve().parents[1] / "inventory/web/viewer"
FILES = ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css")


class CannotRefresh(Exception):
    """The viewer stays as it is; says why."""


def main(arguments: Sequence[str], viewer: Path = VIEWER) -> int:
    """Refresh the viewer; the status is 1 if it stays as it is because something went wrong."""
    parser = argparse.ArgumentParser(
        prog="refresh_viewer.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", nargs="?", default="latest", help="a release, such as 5.35.0; default: latest")
    wanted = parser.parse_args(arguments).version
    note = viewer / "viewer.json"
    before = json.loads(note.read_text(encoding="utf-8"))["version"] if note.exists() else "none"
    try:
        with tempfile.TemporaryDirectory() as folder:
            archive = fetched(wanted, Path(folder))
            now = replace_with(archive, viewer)
    except CannotRefresh as error:
        print(f"{error}; the viewer is still {before}", file=sys.stderr)
        return 1
    print(f"{PACKAGE} {now} (before: {before})")
    return 0


def fetched(version: str, folder: Path) -> Path:
    """The archive of a release, which npm has checked.

    :raises CannotRefresh: npm is not installed, or has failed; says with what.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise CannotRefresh("npm is not installed (Debian: npm)")
    command = [npm, "pack", f"{PACKAGE}@{version}", "--ignore-scripts", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise CannotRefresh(f"npm pack has failed: {(done.stderr or done.stdout).strip()}")
    return archives[0]


def replace_with(archive: Path, viewer: Path) -> str:
    """Put the files of a release, and nothing else, into the folder of the viewer; return the version.

    :raises CannotRefresh: a file is missing in the release; nothing has changed.
    """
    with tarfile.open(archive) as packed:
        found = {name: _content(packed, name) for name in (*FILES, "package.json")}
    told = json.loads(found.pop("package.json"))
    note = {
        "package": PACKAGE,
        "version": told["version"],
        "licence": told["license"],
        "integrity": f"sha512-{b64encode(sha512(archive.read_bytes()).digest()).decode()}",
        "sha256": {name: sha256(content).hexdigest() for name, content in found.items()},
    }
    _write(viewer, found, note)
    return str(told["version"])


def _content(packed: tarfile.TarFile, name: str) -> bytes:
    try:
        file = packed.extractfile(f"package/{name}")
    except KeyError:
        file = None
    if file is None:
        raise CannotRefresh(f"the release has no {name}")
    return file.read()


def _write(viewer: Path, found: Mapping[str, bytes], note: Mapping[str, object]) -> None:
    folder = viewer / "swagger-ui"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    (viewer / "viewer.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
