"""How an export ends if it cannot be written completely."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inventory.cli.main import main

ROWS = 5000
"""Enough to fill a pipe several times."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    stock = folder / "stock.csv"
    stock.write_text("storeId,sku,onHand\n" + "".join(f"s,sku-{n},{n}\n" for n in range(ROWS)))
    assert CliRunner().invoke(main, ["import", str(stock), "--data-dir", str(folder)]).exit_code == 0
    return folder


def export(data: Path, *arguments: object, stdout: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "inventory.cli", "export", *map(str, arguments), "--data-dir", str(data)]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE)


def first_byte(exporting: subprocess.Popen[bytes]) -> None:
    assert exporting.stdout is not None
    assert os.read(exporting.stdout.fileno(), 1) == b"s"


def test_a_file_that_cannot_be_made_is_named_as_it_was_given(data: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(main, ["export", f"{tmp_path}/nofolder/x.csv", "--data-dir", str(data)])
    assert (ended.exit_code, ended.stderr) == (1, f"Error: {tmp_path}/nofolder/x.csv: No such file or directory\n")


def test_standard_output_is_named_where_it_is_full(data: Path) -> None:
    with open("/dev/full", "wb") as full:
        exporting = export(data, stdout=full.fileno())
        _, said = exporting.communicate(timeout=60)
    assert (exporting.returncode, said) == (1, b"Error: standard output: No space left on device\n")


def test_where_the_reader_has_gone_it_ends_quietly_with_status_1(data: Path) -> None:
    exporting = export(data, stdout=subprocess.PIPE)
    first_byte(exporting)
    assert exporting.stdout is not None
    exporting.stdout.close()
    assert exporting.stderr is not None
    assert (exporting.stderr.read(), exporting.wait(60)) == (b"", 1)
    exporting.stderr.close()


def test_sigterm_is_what_ctrl_c_is(data: Path) -> None:
    exporting = export(data, stdout=subprocess.PIPE)
    first_byte(exporting)
    exporting.send_signal(signal.SIGTERM)
    _, said = exporting.communicate(timeout=60)
    assert (exporting.returncode, said) == (130, b"")
