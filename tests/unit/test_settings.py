"""Settings: the values of each variable, and that no wrong value is silently ignored."""

import os
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from inventory.resilience.failpoints import Failpoint
from inventory.settings import FIELDS, Settings, SettingsError, from_environment, setting_names

CORES = len(os.sched_getaffinity(0))

# variable: (default, text of a good value, what it becomes, a bad value)
CASES = {
    "DATA_DIR": (Path("data"), "/srv/stock", Path("/srv/stock"), ""),
    "HOST": ("127.0.0.1", "::1", "::1", "a host"),
    "PORT": (3000, "0", 0, "65536"),
    "WEB_CONCURRENCY": (CORES, "4", 4, "0"),
    "THREADS": (16, "1", 1, "0"),
    "WORKER_CLASS": ("inventory", "gthread", "gthread", "sync"),
    "PIN_WORKERS": ("auto", "off", "off", "all"),
    "CLIENT_TIMEOUT_MS": (5000, "500", 500, "0"),
    "COMMIT_WAIT_MS": (2000, "1", 1, "-1"),
    "SEGMENT_BYTES": (67_108_864, "4096", 4096, "4095"),
    "SYNC_MODE": ("thread", "off", "off", "process"),
    "SYNC_INTERVAL_MS": (15_000, "250", 250, "15s"),
    "SNAPSHOT_EVERY_N_EVENTS": (100_000, "10", 10, "0"),
    "SNAPSHOT_EVERY_BYTES": (268_435_456, "4096", 4096, "4095"),
    "CONCURRENCY_API": (None, "8", 8, "all"),
    "CONCURRENCY_SYNC": (1, "2", 2, "0"),
    "CONCURRENCY_READS": (2, "1", 1, "0"),
    "LOAD_SHED_QUEUE_MAX": (256, "1", 1, "0"),
    "RATE_LIMIT_RPS": (1000, "0", 0, "1.5"),
    "RATE_LIMIT_BURST": (2000, "1", 1, "0"),
    "TRUSTED_PROXIES": ((), "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1/128"), "10.0.0.1/8"),
    "BREAKER_THRESHOLD": (5, "1", 1, "0"),
    "BREAKER_COOLDOWN_MS": (5000, "1", 1, "0"),
    "RETRY_BASE_MS": (50, "1", 1, "0"),
    "RETRY_TIMES": (3, "1", 1, "0"),
    "IDEMP_TTL_MS": (3_600_000, "86400000", 86_400_000, "1e6"),
    "RESERVATION_KEEP_MS": (86_400_000, "1", 1, "0"),
    "MAX_RECORDS": (20_000_000, "1", 1, "0"),
    "MAX_STORES": (200_000, "1000000000", 10**9, "1000000001"),
    "MAX_OPEN_RESERVATIONS": (5_000_000, "1", 1, "-1"),
    "LOG_LEVEL": ("info", "debug", "debug", "loud"),
    "LOG_FORMAT": ("auto", "text", "text", "xml"),
    "LOCKS_ENABLED": (False, "true", True, "2"),
    "LOCK_TTL_MS": (2000, "1001", 1001, " 1"),
    "LOCK_RENEW_MS": (1000, "1", 1, "+1"),
    "LOCK_DIR": (None, "locks", Path("locks"), "\0"),
    "LOCK_REJECT_STATUS": (503, "423", 423, "200"),
    "LOCK_RETRY_AFTER_MS": (300, "1", 1, "١"),
    "LOCK_OWNER_ID": (None, "till-7", "till-7", "till 7"),
    "FAILPOINTS": ((), "in-publish=kill@2", (Failpoint("in-publish", "kill", 0, 2, 2),), "in-publish=kill@0"),
}


def value(settings: Settings, name: str) -> object:
    return getattr(settings, name.lower())


def test_every_setting_has_a_case_here():
    assert sorted(CASES) == sorted(setting_names())


@pytest.mark.parametrize("name", [name for name in CASES if name != "LOCK_OWNER_ID"])
def test_what_is_not_set_has_its_default(name: str):
    assert value(from_environment({}), name) == CASES[name][0]


def test_the_lease_owner_is_by_default_the_process_and_something_of_its_own():
    owners = {from_environment({}).lock_owner_id for _ in range(2)}
    assert len(owners) == 2
    assert all(owner.startswith(f"{os.getpid()}-") for owner in owners)


@pytest.mark.parametrize("name", CASES)
def test_a_good_value_is_taken(name: str):
    assert value(from_environment({name: CASES[name][1]}), name) == CASES[name][2]


@pytest.mark.parametrize("name", CASES)
def test_a_bad_value_stops_the_start_and_names_the_variable(name: str):
    with pytest.raises(SettingsError, match=f"^{name}="):
        from_environment({name: CASES[name][3]})


@pytest.mark.parametrize(
    "given", [{"LOCK_TTL_MS": "1000"}, {"LOCK_RENEW_MS": "2000"}, {"LOCK_TTL_MS": "5", "LOCK_RENEW_MS": "6"}]
)
def test_a_lease_that_ends_before_it_is_renewed_stops_the_start_and_names_both_variables(given: dict[str, str]):
    with pytest.raises(SettingsError, match=r"^LOCK_TTL_MS=\d+ .* LOCK_RENEW_MS=\d+"):
        from_environment(given)


@pytest.mark.parametrize("text", ["", "x", "1" * 20, "0x10", "1_000", "NaN"])
def test_what_is_no_number_is_not_taken_for_one(text: str):
    with pytest.raises(SettingsError, match="PORT"):
        from_environment({"PORT": text})


ON, OFF = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
WORDS = (
    *ON,
    *OFF,
    "auto",
    "thread",
    "inventory",
    "gthread",
    "json",
    "text",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
)


def words_of(name: str) -> list[str]:
    """The words that a setting accepts, if it accepts words and not just any text."""

    def accepts(text: str) -> bool:
        try:
            FIELDS[name].metadata["parse"](text)
        except ValueError:
            return False
        return True

    return [] if accepts("no-such-word") else [word for word in WORDS if accepts(word)]


@pytest.mark.parametrize("name", [name for name in CASES if words_of(name)])
def test_a_word_means_the_same_in_upper_and_lower_case(name: str):
    parse = FIELDS[name].metadata["parse"]
    for word in words_of(name):
        assert parse(word.upper()) == parse(word.title()) == parse(word)


@pytest.mark.parametrize(
    ("name", "words", "meant"),
    [
        ("LOCKS_ENABLED", ON, True),
        ("LOCKS_ENABLED", OFF, False),
        ("PIN_WORKERS", ON, "on"),
        ("PIN_WORKERS", OFF, "off"),
        ("SYNC_MODE", OFF, "off"),
        ("LOG_LEVEL", ("warn", "WARNING"), "warning"),
    ],
)
def test_each_word_for_yes_and_no_is_understood(name: str, words: Sequence[str], meant: object):
    assert {value(from_environment({name: word}), name) for word in words} == {meant}


def test_yes_is_not_taken_where_only_no_has_a_meaning():
    with pytest.raises(SettingsError, match=r"^SYNC_MODE='yes' is not one of thread, off\.$"):
        from_environment({"SYNC_MODE": "yes"})


def test_settings_cannot_be_changed():
    settings = from_environment({})
    with pytest.raises(FrozenInstanceError):
        settings.port = 1


def test_every_setting_says_what_it_means():
    assert all(field.metadata["meaning"] for field in fields(Settings))
