"""The tests themselves: shared code is in tests/support, so that each test file can be read, moved and run alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
MODULES = [path for path in TESTS.rglob("*.py") if "data" not in path.relative_to(TESTS).parts]
ROOMS = {path.name for path in TESTS.iterdir() if path.is_dir()} - {"support"}


def imported(source: str) -> Iterator[str]:
    """The dotted name of each module that a program imports, or may: ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def is_of_a_test(module: str) -> bool:
    parts = module.split(".")
    return parts[0] in ROOMS | {"", "tests"} or any(one == "conftest" or one.startswith("test_") for one in parts)


def test_no_module_of_the_tests_imports_a_test_module_or_a_conftest() -> None:
    found = [
        f"{path.relative_to(TESTS)} imports {module}"
        for path in MODULES
        for module in imported(path.read_text())
        if is_of_a_test(module)
    ]
    assert found == []


def test_every_module_of_support_is_imported_by_another_one() -> None:
    used = {module for path in MODULES for module in imported(path.read_text())}
    idle = [
        path.name
        for path in (TESTS / "support").glob("[!_]*.py")
        if not any(f"{module}.".startswith(f"support.{path.stem}.") for module in used)
    ]
    assert idle == []
