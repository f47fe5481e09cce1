"""gunicorn's settings as plain attributes say what gunicorn says."""

import pytest
from gunicorn.config import Config

from inventory.worker.plain_settings import look_up_once


@pytest.fixture
def asked_by_name(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    look_up = Config.__getattr__
    monkeypatch.setattr(Config, "__getattr__", lambda config, name: (asked.append(name), look_up(config, name))[1])
    return asked


def test_each_setting_is_what_it_was_and_is_not_looked_up_again(asked_by_name: list[str]) -> None:
    config = Config()
    config.set("threads", 3)
    config.set("bind", ["127.0.0.1:1", "127.0.0.1:2"])
    names = [*config.settings, "address", "is_ssl", "worker_class_str", "forwarded_allow_networks"]
    before = {name: getattr(config, name) for name in names}
    assert "threads" in asked_by_name

    look_up_once(config)
    asked_by_name.clear()

    after = {name: getattr(config, name) for name in names}
    assert {name: value for name, value in after.items() if not callable(value)} == {
        name: value for name, value in before.items() if not callable(value)
    }
    assert after["threads"] == 3
    assert after["pre_request"] is before["pre_request"]
    assert asked_by_name == []


def test_what_is_no_setting_is_still_an_error() -> None:
    config = Config()
    look_up_once(config)
    with pytest.raises(AttributeError):
        _ = config.not_a_setting
