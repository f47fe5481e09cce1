"""Linters of the packaged description, and the clients that openapi-typescript and openapi-generator make of it.

They need npm and node, and a Java from PyPI: `tox -e clients`.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.generated_clients import (
    CLIENTS,
    DESCRIPTION,
    PACKAGE,
    PROGRAMS,
    SEEN,
    SPEC,
    fields_of_models,
    program,
    run,
    run_program,
    with_fields,
)
from support.members_program import members_program
from support.running_server import RunningServer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
STRICT = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck")
MODULES = ("--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--types", "node")
DESCRIPTIONS = pytest.mark.parametrize("description", [ROOT / "openapi.yaml", DESCRIPTION], ids=lambda path: path.name)
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of package.json, the types of the description, and the programs."""
    made = tmp_path_factory.mktemp("node")
    for path in (CLIENTS / "package.json", *PROGRAMS.glob("*.ts")):
        shutil.copy(path, made)
    run([program("npm", "the client in TypeScript needs it"), "install", "--silent", "--no-audit", "--no-fund"], made)
    run([_tool(made, "openapi-typescript"), DESCRIPTION, "--output", "inventory.d.ts"], made)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client of openapi-generator."""
    made = tmp_path_factory.mktemp("client")
    generate = [
        program("openapi-generator-cli", "tox -e clients installs it"),
        "generate",
        "-g",
        "python",
        "-i",
        str(DESCRIPTION),
    ]
    printed = run([*generate, "-o", str(made), f"--additional-properties=packageName={PACKAGE}"], made)
    assert [line for line in printed.splitlines() if "ERROR" in line or "not yet supported" in line] == []
    return made


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = RunningServer(tmp_path / "data", tmp_path).start()
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def _tool(node: Path, name: str) -> str:
    return str(node / "node_modules/.bin" / name)


def _compile(node: Path, name: str) -> None:
    run([_tool(node, "tsc"), *STRICT, *MODULES, name], node)


@DESCRIPTIONS
def test_spectral_finds_nothing(node: Path, description: Path) -> None:
    ruleset = str(CLIENTS / "spectral.yaml")
    printed = run([_tool(node, "spectral"), "lint", "--ruleset", ruleset, "--fail-severity", "hint", description], node)

    assert "No results with a severity of" in printed


@DESCRIPTIONS
def test_redocly_finds_nothing(node: Path, description: Path) -> None:
    config = ["--config", CLIENTS / "redocly.yaml"]
    printed = run([_tool(node, "redocly"), "lint", "--format", "json", *config, description], node, **QUIET)

    found = json.loads(printed[printed.index("{\n") : printed.rindex("}") + 1])
    assert (found["totals"]["errors"], found["totals"]["warnings"]) == (0, 0), printed


def test_a_program_in_typescript_that_touches_every_member_compiles(node: Path) -> None:
    (node / "members.ts").write_text(members_program(SPEC))

    _compile(node, "members.ts")


def test_a_member_that_the_types_do_not_have_is_a_type_error(node: Path) -> None:
    schema = {"type": "object", "properties": {"reservation": {"type": "string"}}}
    schemas = {**SPEC["components"]["schemas"], "ReservedRecord": schema}
    (node / "wrong.ts").write_text(members_program({**SPEC, "components": {**SPEC["components"], "schemas": schemas}}))

    with pytest.raises(AssertionError, match="TS2339: Property 'reservation' does not exist"):
        _compile(node, "wrong.ts")


def test_the_program_of_the_guide_compiles(node: Path) -> None:
    guide = (ROOT / "docs/how-to/generate-a-client.md").read_text()
    (node / "sell.ts").write_text(guide.split("cat > sell.ts <<'END'\n")[1].split("END\n")[0])

    _compile(node, "sell.ts")


def test_the_client_in_typescript_sells_holds_commits_transfers_follows_and_understands_refusals(
    node: Path, url: str
) -> None:
    _compile(node, "with_openapi_typescript.ts")
    printed = run([program("node", "it runs the client in TypeScript"), "with_openapi_typescript.js", url], node)

    assert json.loads(printed) == SEEN


def test_the_client_of_openapi_generator_has_every_member_of_every_schema(folder: Path) -> None:
    aliases = 'field.alias or name for name, field in getattr(model, "model_fields", {}).items()'
    fields = fields_of_models(folder, aliases)

    described = {name: sorted(schema["properties"]) for name, schema in with_fields().items()}
    assert {name: [each for each in fields[name] if each != "additional_properties"] for name in described} == described


def test_the_client_of_openapi_generator_sells_holds_commits_transfers_follows_and_understands_refusals(
    folder: Path, url: str
) -> None:
    assert run_program("with_openapi_generator.py", folder, url) == SEEN


def test_openapi_generator_calls_the_description_valid() -> None:
    validate = [program("openapi-generator-cli", "tox -e clients installs it"), "validate", "-i", str(DESCRIPTION)]

    assert "errors" not in run(validate, Path(sys.prefix)).lower()
