"""scripts/refresh_viewer.py: it installs another release of the viewer."""

import json
import os
import tarfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
import refresh_viewer

pytestmark = pytest.mark.scripts


def release(folder: Path, version: str = "9.8.7", without: str = "") -> Path:
    """An archive as npm packs it."""
    contents = {name: f"{name} of {version}".encode() for name in refresh_viewer.FILES if name != without}
    contents["package.json"] = json.dumps({"version": version, "license": "Apache-2.0"}).encode()
    contents["swagger-ui.js.map"] = b"not needed"
    archive = folder / "release.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            packed.addfile(entry, BytesIO(content))
    return archive


def fake_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A program npm that does what ``text`` says, in a shell."""
    (folder / "bin").mkdir()
    (folder / "bin/npm").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "bin/npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


@pytest.fixture
def viewer(tmp_path: Path) -> Path:
    """A folder with an older release, which has a file that no later one has."""
    viewer = tmp_path / "viewer"
    refresh_viewer.replace_with(release(tmp_path, "1.0.0"), viewer)
    (viewer / "swagger-ui/old.js").write_text("old")
    return viewer


def test_a_release_is_taken_with_version_hashes_and_licences(
    tmp_path: Path, viewer: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    fake_npm(tmp_path, monkeypatch, f'[ "$2" = swagger-ui-dist@9.8.7 ] && cp {release(tmp_path)} .')

    assert refresh_viewer.main(["9.8.7"], viewer) == 0

    assert capsys.readouterr().out == "swagger-ui-dist 9.8.7 (before: 1.0.0)\n"
    files = {file.name: file.read_bytes() for file in (viewer / "swagger-ui").iterdir()}
    assert set(files) == set(refresh_viewer.FILES)
    note = json.loads((viewer / "viewer.json").read_text())
    assert (note["version"], note["licence"]) == ("9.8.7", "Apache-2.0")
    assert note["sha256"] == {name: sha256(content).hexdigest() for name, content in files.items()}


@pytest.mark.parametrize(
    ("npm", "told"), [("echo no such release >&2; exit 1", "no such release"), ("exit 0", "npm pack has failed")]
)
def test_an_npm_that_fails_changes_nothing_and_is_told(
    tmp_path: Path,
    viewer: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    npm: str,
    told: str,
):
    fake_npm(tmp_path, monkeypatch, npm)

    assert refresh_viewer.main([], viewer) == 1

    problem = capsys.readouterr().err
    assert told in problem
    assert "still 1.0.0" in problem
    assert (viewer / "swagger-ui/old.js").exists()


def test_a_release_without_its_licence_changes_nothing(tmp_path: Path, viewer: Path):
    with pytest.raises(refresh_viewer.CannotRefresh, match="has no LICENSE"):
        refresh_viewer.replace_with(release(tmp_path, without="LICENSE"), viewer)

    assert json.loads((viewer / "viewer.json").read_text())["version"] == "1.0.0"
    assert (viewer / "swagger-ui/old.js").exists()


def test_without_npm_it_says_so(viewer: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("PATH", "/nowhere")

    assert refresh_viewer.main([], viewer) == 1
    assert "npm is not installed" in capsys.readouterr().err
