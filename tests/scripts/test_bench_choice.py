"""scripts/bench: which contestants run, and that none is left out silently."""

import pytest
from bench import cli
from bench.choice import chosen
from bench.contestants import CONTESTANTS, TARGETS
from bench.stand_ins.entries import STAND_INS, StandIn


@pytest.fixture
def without_postgresql(monkeypatch: pytest.MonkeyPatch):
    def missing(self: StandIn) -> str | None:
        return "psycopg is not installed" if self.name == "postgresql" else None

    monkeypatch.setattr(StandIn, "missing", missing)


@pytest.fixture
def with_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(StandIn, "missing", lambda self: None)


def names_of(names: str | None = None, against: str | None = None) -> list[str]:
    return [contestant.name for contestant in chosen(names, against)[0]]


def test_all_run_that_can(with_all):
    assert chosen() == (list(CONTESTANTS), {})


def test_who_cannot_run_is_left_out_with_the_reason(without_postgresql):
    found, left_out = chosen()

    assert {one.name for one in CONTESTANTS} - {one.name for one in found} == {"postgresql", "postgresql-get"}
    assert left_out == {"postgresql": "psycopg is not installed"}


@pytest.mark.parametrize("arguments", [("postgresql",), ("postgresql-get, adjust",), (None, "sqlite,postgresql")])
def test_who_cannot_run_and_was_named_is_an_error(without_postgresql, arguments: tuple[str | None, ...]):
    with pytest.raises(ValueError, match=r"postgresql.* cannot run here: psycopg is not installed"):
        chosen(*arguments)


def test_the_error_is_told_and_the_status_is_1(
    without_postgresql, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(cli, "run_all", lambda *_: pytest.fail("it runs all the same"))

    assert cli.main(["--against", "postgresql"]) == 1
    assert "postgresql cannot run here: psycopg is not installed" in capsys.readouterr().err


def test_contestants_are_chosen_by_name_and_a_wrong_name_is_refused(with_all):
    assert names_of("bare, sqlite, adjust") == ["adjust", "bare", "sqlite"]
    with pytest.raises(ValueError, match="no contestant is called bear"):
        chosen("bear")


def test_stand_ins_are_chosen_by_name_and_run_beside_the_service(with_all):
    own = [one.name for one in CONTESTANTS if one.stand_in is None]

    assert names_of(against="none") == own
    assert set(names_of(against="json")) == {*own, "json", "json-get"}
    with pytest.raises(ValueError, match="no stand-in is called mysql"):
        chosen(against="mysql")


def test_each_stand_in_is_compared_in_changes_and_in_reads():
    pairs = {(target.of, target.to) for target in TARGETS}

    for stand_in in STAND_INS:
        assert {("adjust", stand_in.name), ("read", f"{stand_in.name}-get")} <= pairs


def test_a_stand_in_is_checked_as_the_service_is():
    for contestant in CONTESTANTS:
        if contestant.stand_in is not None:
            assert contestant.checks
