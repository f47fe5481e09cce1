"""`scripts/structure.py`: the figures of the package's structure."""

from pathlib import Path

import pytest
import structure

MODULES = {name: Path(name) for name in ("inventory", "inventory.a", "inventory.a.b", "inventory.c")}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import inventory.c", {"inventory.c"}),
        ("from inventory.a import b", {"inventory.a.b"}),
        ("from inventory.a import Something", {"inventory.a"}),
        ("def f():\n    from inventory.c import x", {"inventory.c"}),
        ("import json\nfrom json import loads", set()),
    ],
)
def test_an_import_is_an_arrow_to_the_module_that_is_loaded(source: str, found: set[str]) -> None:
    assert structure.imports_of(source, MODULES) == found


def test_modules_that_reach_each_other_are_one_circle() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"f"}, "f": {"e"}}
    assert structure.circles(arrows) == [["a", "b", "c"], ["e", "f"]]


@pytest.mark.slow
def test_the_path_of_an_adjust_is_traced_in_a_real_worker() -> None:
    crossed = structure.path_of_an_adjust(structure.CHECKOUT)
    files = {Path(file).relative_to(structure.CHECKOUT).as_posix() for file in crossed}
    assert {"inventory/web/records.py", "inventory/domain/decide.py", "inventory/eventlog/line.py"} <= files
    assert "inventory/web/stores.py" not in files
