"""The thread that writes log lines."""

import os
import threading

import pytest

from inventory.web.line_writer import LineWriter


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        try:
            os.close(descriptor)
        except OSError:
            continue


@pytest.fixture
def file(tmp_path):
    with (tmp_path / "lines").open("w+b", buffering=0) as opened:
        yield opened


def content(file):
    return os.pread(file.fileno(), 10**7, 0)


def test_lines_are_written_in_order(file):
    writer = LineWriter(file.fileno(), str)
    for number in range(1000):
        writer.put(number)

    assert writer.flush(5)
    assert content(file) == b"".join(b"%d\n" % number for number in range(1000))


def test_no_thread_runs_before_the_first_line(file):
    before = threading.active_count()
    LineWriter(file.fileno(), str)

    assert threading.active_count() == before


def test_stopping_writes_what_is_queued_and_ends_the_thread(file):
    writer = LineWriter(file.fileno(), str)
    writer.put("last")
    thread = writer._thread

    writer.stop(5)

    assert content(file) == b"last\n"
    assert thread is not None
    assert not thread.is_alive()


def test_many_lines_are_one_write(file, monkeypatch):
    sizes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: sizes.append(len(data)) or real(fd, data))
    writer = LineWriter(file.fileno(), str)
    for _ in range(500):
        writer.put("x" * 99)
    writer.flush(5)

    assert sum(sizes) == 50_000
    assert len(sizes) <= 3


def test_on_a_pipe_no_write_is_so_long_that_it_could_be_torn(pipe, monkeypatch):
    read, write = pipe
    sizes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: sizes.append(len(data)) or real(fd, data))
    writer = LineWriter(write, str)
    for _ in range(300):
        writer.put("x" * 99)
    writer.flush(5)

    assert max(sizes) <= 4096
    assert os.read(read, 10**6) == (b"x" * 99 + b"\n") * 300


def test_a_full_queue_drops_lines_and_never_blocks(pipe):
    _, write = pipe
    writer = LineWriter(write, str, capacity=10)
    filler = "x" * 70_000  # more than a pipe holds, so that the thread stands still
    writer.put(filler)
    assert not writer.flush(0.2)
    for number in range(100):
        writer.put(number)

    assert writer.dropped >= 90


def test_a_line_to_an_output_without_a_reader_is_counted_and_harmless(pipe):
    read, write = pipe
    os.close(read)
    writer = LineWriter(write, str)
    writer.put("lost")

    assert writer.flush(5)
    assert writer.dropped == 1


def test_a_line_that_cannot_be_formatted_is_counted_and_the_next_is_written(file):
    def formatted(item: object) -> str:
        if item == "bad":
            raise ValueError("no")
        return str(item)

    writer = LineWriter(file.fileno(), formatted)
    for item in ("bad", "good"):
        writer.put(item)
    writer.flush(5)

    assert (content(file), writer.dropped) == (b"good\n", 1)


def test_after_a_fork_each_process_writes_its_own_lines_once(file):
    writer = LineWriter(file.fileno(), str)
    writer.put("parent")
    child = os.fork()
    if child == 0:
        writer.put("child")
        os._exit(0 if writer.flush(5) else 1)

    _, status = os.waitpid(child, 0)
    writer.flush(5)

    assert status == 0
    assert sorted(content(file).split()) == [b"child", b"parent"]
