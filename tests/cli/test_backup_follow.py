"""``inventory backup --follow``, as far as it ends by itself: what is refused before anything is copied."""

from pathlib import Path

import pytest
from support.backup_copies import files_of
from support.commands import run

from inventory.domain.commands import CountStock
from inventory.domain.values import item_id
from inventory.settings import Settings
from inventory.wiring import build_services, layout_of, prepare


def ledger_in(folder: Path) -> None:
    settings = Settings(data_dir=folder)
    folder.mkdir(exist_ok=True)
    prepare(settings)
    services = build_services(settings)
    services.stock.change(CountStock(item_id("store-1", "sku-1"), 7))
    services.close()


@pytest.fixture
def ledger(data: Path) -> Path:
    ledger_in(data)
    return data


def follow(data: Path, target: Path, *options: str):
    return run("backup", "--follow", target, "--data-dir", data, *options)


def test_it_prints_no_result_so_json_is_a_usage_error(ledger: Path, tmp_path: Path):
    refused = follow(ledger, tmp_path / "target", "--json")
    assert (refused.exit_code, (tmp_path / "target").exists()) == (2, False)
    assert "leave out --json" in refused.stderr


def test_a_folder_without_a_log_is_refused(data: Path, tmp_path: Path):
    refused = follow(data, tmp_path / "target")
    assert (refused.exit_code, "no event log" in refused.stderr) == (1, True)


def test_a_target_below_a_folder_that_does_not_exist_is_refused(ledger: Path, tmp_path: Path):
    refused = follow(ledger, tmp_path / "typo" / "target")
    assert (refused.exit_code, f"{tmp_path / 'typo'} does not exist" in refused.stderr) == (1, True)


def test_a_backup_of_another_ledger_is_refused_and_not_touched_and_holds_no_segments_back(ledger: Path, tmp_path: Path):
    target = tmp_path / "target"
    ledger_in(tmp_path / "other")
    assert run("backup", target, "--data-dir", tmp_path / "other").exit_code == 0
    before = files_of(target)

    refused = follow(ledger, target)

    assert (refused.exit_code, "is a backup of ledger" in refused.stderr) == (1, True)
    assert files_of(target) == before
    assert not layout_of(Settings(data_dir=ledger)).backups.exists()


def test_a_folder_with_other_files_is_refused_and_not_touched(ledger: Path, tmp_path: Path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter").write_text("Dear")
    refused = follow(ledger, tmp_path / "letters")
    assert (refused.exit_code, "it is not a backup" in refused.stderr) == (1, True)
    assert files_of(tmp_path / "letters") == {"letter": b"Dear"}
