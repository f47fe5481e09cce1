"""Which variables are settings, which take precedence, which refuse a start, and which belong to other programs."""

import copy
import re
from types import MappingProxyType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inventory.settings import FIELDS, PREFIX, SettingsError, Source, read, reading

# A text of each setting that is not its default; all others are numbers.
OTHER = {
    "DATA_DIR": "/srv",
    "HOST": "::1",
    "WORKER_CLASS": "gthread",
    "PIN_WORKERS": "off",
    "SEGMENT_BYTES": "5000",
    "SYNC_MODE": "off",
    "SNAPSHOT_EVERY_BYTES": "5000",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "LOG_LEVEL": "error",
    "LOG_FORMAT": "json",
    "LOCKS_ENABLED": "yes",
    "LOCK_TTL_MS": "1001",
    "LOCK_DIR": "/srv",
    "LOCK_REJECT_STATUS": "409",
    "LOCK_OWNER_ID": "till-7",
    "FAILPOINTS": "in-publish=kill",
}
ELSEWHERE = """
    CI GUNICORN_CMD_ARGS HOME HOSTNAME HOSTTYPE http_proxy INVENTORY INVOCATION_ID JOURNAL_STREAM
    KUBERNETES_PORT KUBERNETES_SERVICE_PORT LANG LC_ALL LISTEN_FDS LOGDIR LOGNAME MEMORY_PRESSURE_WATCH NOTIFY_SOCKET
    OLDPWD OMP_NUM_THREADS PATH PORTS PROMETHEUS_MULTIPROC_DIR PWD PYTEST_CURRENT_TEST PYTHONPATH PYTHONUNBUFFERED
    SERVER_PORT SHLVL SSL_CERT_FILE TERM TMPDIR TOX_ENV_DIR TZ USER VIRTUAL_ENV XDG_CONFIG_DIRS XDG_DATA_DIRS
    XDG_DATA_HOME
"""
BAD = "\0"
parts = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
services = st.lists(parts, max_size=3).map(lambda more: "-".join(["inventory", *more]))
ports = st.lists(
    st.tuples(st.integers(1, 65535), st.sampled_from(["tcp", "udp", "sctp"]), parts), min_size=1, max_size=3
)


def text_of(name: str) -> str:
    return OTHER.get(name, "7")


def variable(service: str) -> str:
    return service.upper().replace("-", "_")


def made_by_kubernetes(service: str, ports: list[tuple[int, str, str]]) -> dict[str, str]:
    """What the kubelet sets in each pod for a service, as its documentation has it."""
    name, address = variable(service), "10.0.0.11"
    made = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0][0])}
    made[f"{name}_PORT"] = f"{ports[0][1]}://{address}:{ports[0][0]}"
    for number, protocol, port_name in ports:
        place = f"{name}_PORT_{number}_{protocol.upper()}"
        made[f"{name}_SERVICE_PORT_{variable(port_name)}"] = str(number)
        made[place] = f"{protocol}://{address}:{number}"
        made |= {f"{place}_PROTO": protocol, f"{place}_PORT": str(number), f"{place}_ADDR": address}
    return made


def made_by_docker(alias: str) -> dict[str, str]:
    """What ``docker run --link server:alias`` sets, with the variables of the other container."""
    name = variable(alias)
    return {
        f"{name}_NAME": f"/shop/{alias}",
        f"{name}_PORT": "tcp://172.17.0.5:3000",
        f"{name}_PORT_3000_TCP": "tcp://172.17.0.5:3000",
        f"{name}_PORT_3000_TCP_ADDR": "172.17.0.5",
        f"{name}_PORT_3000_TCP_PORT": "3000",
        f"{name}_PORT_3000_TCP_PROTO": "tcp",
        f"{name}_ENV_LOG_LEVEL": "loud",
        f"{name}_ENV_PORT": "tcp://",
    }


@pytest.mark.parametrize("name", FIELDS)
def test_an_option_goes_before_the_prefixed_name_and_that_before_the_plain_one(name: str):
    field = FIELDS[name]
    good = field.metadata["parse"](text_of(name))
    for environment, options, source in [
        ({name: text_of(name)}, {}, name),
        ({name: BAD, PREFIX + name: text_of(name)}, {}, PREFIX + name),
        ({name: BAD, PREFIX + name: BAD}, {name: Source("--it", text_of(name))}, "--it"),
    ]:
        found = read(environment, options)
        assert (getattr(found.settings, field.name), found.sources[name].name) == (good, source)


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_not_set_has_no_source(name: str):
    assert name not in read({}).sources


@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_value_is_named_as_it_was_written(name: str):
    with pytest.raises(SettingsError, match=rf"^{PREFIX}{name}='\\x00' is not "):
        read({name: text_of(name), PREFIX + name: BAD})
    with pytest.raises(SettingsError, match=rf"^{name}='\\x00' \(--it\) is not "):
        read({}, {name: Source("--it", BAD)})


@given(services, ports)
def test_what_kubernetes_sets_for_a_service_of_this_name_is_ignored_and_told(service: str, ports):
    made = made_by_kubernetes(service, ports)
    found = read({**made, "PORT": "3001"})
    assert (sorted(found.links), found.settings.port) == (sorted(made), 3001)
    assert found.sources.keys() == {"PORT"}
    assert all(name in found.passed_over() for name in made)


@given(services)
def test_what_docker_sets_for_a_link_of_this_name_is_ignored_and_told(alias: str):
    made = made_by_docker(alias)
    assert sorted(read(made).links) == sorted(made)


def test_the_port_with_the_prefix_is_a_setting_if_it_is_not_that_of_a_link():
    found = read({"INVENTORY_PORT": "3001"})
    assert (found.settings.port, found.links, found.passed_over()) == (3001, (), None)


@given(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True))
def test_any_other_name_with_the_prefix_stops_the_start_and_is_named(rest: str):
    assume(rest not in FIELDS)
    assume(not re.search(r"(^|_)(ENV_|SERVICE_|PORT_[0-9])", rest))
    with pytest.raises(SettingsError, match=rf"^INVENTORY_{rest} is not a setting"):
        read({PREFIX + rest: "1"})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("DATADIR", "DATA_DIR"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("IDEMP_TTL", "IDEMP_TTL_MS"),
        ("LOCK_ENABLED", "LOCKS_ENABLED"),
        ("RATE_LIMIT_RSP", "RATE_LIMIT_RPS"),
        ("SYNC_INTERVAL", "SYNC_INTERVAL_MS"),
        ("THREAD", "THREADS"),
        ("sync_mode", "SYNC_MODE"),
    ],
)
def test_a_near_miss_stops_the_start_with_the_prefix_and_without_it_only_warns(typed: str, meant: str):
    found = read({typed: "1"})
    assert found.warnings() == [f"{typed} is not a setting and is ignored; did you mean {meant}?"]
    assert found.sources == {}
    with pytest.raises(SettingsError, match=f"^{PREFIX}{typed} is not a setting; did you mean {PREFIX}{meant}\\?"):
        read({PREFIX + typed: "1"})


@pytest.mark.parametrize("name", ELSEWHERE.split())
def test_a_variable_of_something_else_is_left_alone(name: str):
    found = read({name: "whatever"})
    assert (found.warnings(), found.links, found.sources) == ([], (), {})


def test_a_secret_is_not_shown_when_it_is_refused(monkeypatch: pytest.MonkeyPatch):
    secret = copy.copy(FIELDS["LOCK_OWNER_ID"])
    secret.metadata = MappingProxyType({**secret.metadata, "secret": True})
    monkeypatch.setattr(reading, "FIELDS", {**FIELDS, "LOCK_OWNER_ID": secret})
    with pytest.raises(SettingsError, match=r"^LOCK_OWNER_ID is not 1 to 255 letters") as refused:
        read({"LOCK_OWNER_ID": "hush hush"})
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None
