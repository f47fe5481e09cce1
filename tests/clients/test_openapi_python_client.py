"""The client that openapi-python-client makes of the packaged description, on a real server."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.generated_clients import (
    DESCRIPTION,
    PACKAGE,
    SEEN,
    fields_of_models,
    operation_ids,
    run,
    run_program,
    with_fields,
)
from support.running_server import RunningServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client. A construct that the generator drops is a warning, and fails it."""
    made = tmp_path_factory.mktemp("client")
    (made / "config.yaml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", DESCRIPTION, "--fail-on-warning"]
    run([*command, "--meta", "none", "--output-path", made / PACKAGE, "--config", made / "config.yaml"], made)
    return made


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = RunningServer(tmp_path / "data", tmp_path).start()
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def test_it_has_every_operation(folder: Path) -> None:
    names = {path.stem for path in (folder / PACKAGE / "api").glob("*/*.py")} - {"__init__"}

    assert names == {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", each) for each in operation_ids()}


def test_it_has_every_member_of_every_schema(folder: Path) -> None:
    fields = fields_of_models(folder, 'name for name in getattr(model, "__annotations__", {})')

    spelled = {
        name: sorted(_snake(member) for member in schema["properties"]) for name, schema in with_fields().items()
    }
    found = {name: sorted(each.rstrip("_") for each in fields[name]) for name in spelled}
    assert {name: [each for each in found[name] if each != "additional_properties"] for name in spelled} == spelled


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def test_it_sells_holds_commits_transfers_follows_and_understands_refusals(folder: Path, url: str) -> None:
    assert run_program("with_openapi_python_client.py", folder, url) == SEEN
