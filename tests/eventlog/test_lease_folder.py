"""LOCK_DIR: where leases are kept, and a start that finds it unusable."""

from pathlib import Path

import pytest
from support.given import item

from inventory.domain.commands import CountStock
from inventory.eventlog.data_folder import StartRefused
from inventory.settings import Settings
from inventory.wiring import build_services, prepare
from inventory.wiring.resilience import lease_folder


def test_leases_are_kept_beside_the_other_locks_unless_told_otherwise(tmp_path: Path):
    assert lease_folder(Settings(data_dir=tmp_path)) == tmp_path / "locks"
    assert lease_folder(Settings(data_dir=tmp_path, lock_dir=tmp_path / "else")) == tmp_path / "else"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_folder_is_made_and_used_only_where_there_are_leases(tmp_path: Path, enabled: bool):
    settings = Settings(data_dir=tmp_path, locks_enabled=enabled, lock_dir=tmp_path / "a" / "b")
    prepare(settings)
    services = build_services(settings)
    services.stock.change(CountStock(item(), 1))
    services.close()
    assert (tmp_path / "a" / "b").is_dir() == enabled
    assert any(path.name.startswith("guard-") for path in tmp_path.glob("a/b/*")) == enabled
    assert not any(path.name.startswith("guard-") for path in tmp_path.glob("locks/*"))


def test_a_folder_that_cannot_be_made_refuses_the_start_and_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StartRefused, match=r"LOCK_DIR .*file/locks cannot be used"):
        prepare(Settings(data_dir=tmp_path, locks_enabled=True, lock_dir=tmp_path / "file" / "locks"))


def test_a_folder_on_a_network_file_system_refuses_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kinds = {tmp_path: None, tmp_path / "far": "nfs4"}
    monkeypatch.setitem(prepare.__globals__, "network_file_system", kinds.__getitem__)
    with pytest.raises(StartRefused, match=r"LOCK_DIR .*far is on a network file system \(nfs4\)"):
        prepare(Settings(data_dir=tmp_path, locks_enabled=True, lock_dir=tmp_path / "far"))
