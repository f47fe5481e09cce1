"""scripts/costs: every figure can be measured on a real server, at a small size; others are refused."""

import json
from pathlib import Path

import pytest
from bench.server import CHECKOUT
from costs import batches, cli, holds, logs, stores
from costs.figures import FIGURES

NAMES = [figure.name for figure in FIGURES]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at which every figure is there within seconds."""
    for module, name, value in (
        (holds, "_HOLDS", 3),
        (holds, "_LINES", 5),
        (holds, "_EXTENDS", 3),
        (stores, "_STORES", 40),
        (stores, "_AT_ONCE", 10),
        (stores, "_READERS", 2),
        (batches, "_ROUNDS", 1),
        (logs, "_REQUESTS", 5),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_measured_on_a_running_server(name: str, tmp_path: Path):
    assert cli.main([name, "--json", str(tmp_path / "figures.json")]) == 0
    told = json.loads((tmp_path / "figures.json").read_text())
    figures = told["figures"][name]["this"]
    assert figures
    assert all(isinstance(value, int | float) for value in figures.values())


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_an_extend_costs_as_many_bytes_as_the_log_has_grown(tmp_path: Path):
    assert holds.extends(CHECKOUT, tmp_path)["log for an extend, bytes"] > 100


def test_both_checkouts_are_measured_and_told_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    measured = []

    def measure(checkout: Path, folder: Path) -> dict[str, float]:
        measured.append(checkout)
        return {"bytes": float(len(measured))}

    monkeypatch.setattr(cli, "FIGURES", [FIGURES[0]._replace(measure=measure)])
    monkeypatch.setattr(cli, "other_checkout", Path.resolve)
    assert cli.main([FIGURES[0].name, "--versus", str(tmp_path)]) == 0
    assert measured == [CHECKOUT, tmp_path.resolve()]
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["this", "other"] in rows
    assert ["bytes", "1", "2"] in rows


def test_a_figure_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["holds"])
    assert ended.value.code == 2
    assert f"must be one of {', '.join(NAMES)}" in capsys.readouterr().err


def test_a_refusal_ends_the_measurement_with_what_was_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def refused(checkout: Path, folder: Path) -> dict[str, float]:
        raise RuntimeError("POST /reservations: 409")

    monkeypatch.setattr(cli, "FIGURES", [FIGURES[0]._replace(measure=refused)])
    assert cli.main([FIGURES[0].name]) == 1
    assert "costs: POST /reservations: 409" in capsys.readouterr().err


def test_what_is_no_other_checkout_is_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    for other, reason in ((tmp_path, "is not a checkout"), (CHECKOUT, "is this checkout")):
        assert cli.main(["--versus", str(other)]) == 1
        told = capsys.readouterr()
        assert (reason in told.err, told.out) == (True, "")
