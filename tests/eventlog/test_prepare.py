"""What a start checks before it touches anything: DATA_DIR and LOCK_DIR."""

from pathlib import Path

import pytest
from support.folder import Folder, Shim
from support.given import item

from inventory.domain.commands import CountStock
from inventory.eventlog.data_folder import StartRefused, check_folder, network_file_system
from inventory.eventlog.errors import StateUnusable
from inventory.settings import Settings
from inventory.wiring import build_services, prepare
from inventory.wiring.resilience import lease_folder

MOUNTS = """22 1 8:1 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
30 22 0:40 / /mnt/nfs rw shared:1 master:2 - nfs4 server:/export rw
31 30 8:2 / /mnt/nfs/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/with\\040space rw - cifs //server/share rw
33 22 0:42 / /mnt/sshfs rw - fuse.sshfs me@host:/ rw
34 22 0:43 / /mnt/fuseblk rw - fuseblk /dev/vdc rw
35 22 8:3 / /mnt/over rw - ext4 /dev/vdd rw
36 22 0:44 / /mnt/over rw - nfs server:/export rw
37 22 0:45 / /mnt/läger rw - nfs4 server:/export rw
38 22 0:46 / /mnt/a\u2028b rw - ceph server:/export rw
39 22 0:47 / /mnt/back\\134slash rw - nfs4 server:/export rw
"""
KINDS = {
    "/data": None,
    "/mnt/nfs": "nfs4",
    "/mnt/nfs/deep/down": "nfs4",
    "/mnt/nfs-not": None,
    "/mnt/nfs/local/data": None,
    "/mnt/with space/data": "cifs",
    "/mnt/sshfs": "fuse.sshfs",
    "/mnt/fuseblk": None,
    "/mnt/over/data": "nfs",
    "/mnt/läger/data": "nfs4",
    "/mnt/a\u2028b": "ceph",
    "/mnt/back\\slash/data": "nfs4",
}


@pytest.mark.parametrize("folder", KINDS)
def test_the_file_system_of_a_folder_is_that_of_the_innermost_mount(folder: str, tmp_path: Path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_file_system(Path(folder), mounts) == KINDS[folder]


def test_mount_points_that_are_not_text_do_no_harm(tmp_path: Path):
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(b"22 1 8:1 / /\xff\xfe rw - nfs server:/export rw\n23 1 8:1 / / rw - ext4 /dev/vda rw\n")
    assert network_file_system(Path("/data"), mounts) is None


def test_this_machines_own_mounts_can_be_read(tmp_path: Path):
    network_file_system(tmp_path)


def test_a_folder_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(check_folder.__globals__, "network_file_system", lambda _: "nfs4")
    with pytest.raises(StartRefused, match=r"network file system \(nfs4\).* Use a local disk"):
        prepare(Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused_and_not_made(tmp_path: Path):
    with pytest.raises(StartRefused, match=r"or is not a folder.*--init"):
        prepare(Settings(data_dir=tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_taken_for_a_folder(tmp_path: Path):
    (tmp_path / "data").touch()
    with pytest.raises(StartRefused, match="not a folder"):
        check_folder(tmp_path / "data")


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StartRefused, match="must be readable and writable for user"):
        check_folder(tmp_path)


def test_another_system_than_linux_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(StartRefused, match="Linux is required"):
        check_folder(tmp_path)


def test_a_folder_that_no_server_has_prepared_cannot_be_opened(tmp_path: Path):
    prepare(Settings(data_dir=tmp_path))
    (tmp_path / "locks" / "state").unlink()
    with pytest.raises(StateUnusable):
        build_services(Settings(data_dir=tmp_path))


def test_a_place_where_files_stand_in_the_way_is_refused(tmp_path: Path):
    (tmp_path / "locks").touch()
    with pytest.raises(StartRefused, match="cannot be used"):
        prepare(Settings(data_dir=tmp_path))


def test_a_first_start_syncs_every_name_that_leads_to_the_log(folder: Folder):
    synced = []
    disk = Shim()
    disk.instead["sync_folder"] = synced.append
    folder.prepare(disk)
    assert {folder.layout.root, folder.layout.events} <= set(synced)


def test_preparing_twice_changes_nothing(folder: Folder):
    folder.prepare()
    files = folder.files()
    assert (folder.prepare().end.sequence, folder.files()) == (0, files)


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
