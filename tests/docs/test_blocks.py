"""Every shell block of the documents does what it says, in the order in which a reader meets them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.blocks import Block, blocks_of, fence_languages, missing_line, text_of
from support.checkout import ROOT, Checkout

PAGES = [ROOT / "README.md", ROOT / "run.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_BLOCKS = [path for path in PAGES if blocks_of(path)]
LEFT_OUT = {
    ("README.md", "it runs them"),
    ("run.md", "it runs them"),
    ("generate-a-client.md", "it needs npm"),
    ("generate-a-client.md", "it needs openapi-generator"),
    ("systemd.md", "it needs root"),
    ("upgrade.md", "it needs the next version"),
}
NEEDED = ("bash", "curl", "flock")
RUN_TOGETHER = pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED), reason=f"the documents' commands need {', '.join(NEEDED)}"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path / "inventory")
    yield made
    made.stop()


def programs_are_there(block: Block) -> bool:
    return all(shutil.which(name) is not None for name in block.needs)


def first_failure(checkout: Checkout, blocks: list[Block]) -> str | None:
    """Run the blocks up to the first one that fails, for those behind it rest on it; say which and how."""
    for block in blocks:
        if block.why_not_run or not programs_are_there(block):
            continue
        reason = checkout.run(block)
        if reason is not None:
            return f"{block.place}: {block.command.strip()}\n{reason}"
    return None


@RUN_TOGETHER
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", WITH_BLOCKS, ids=lambda path: path.name)
def test_every_block_does_what_it_says(checkout: Checkout, path: Path) -> None:
    failure = first_failure(checkout, blocks_of(path))

    assert failure is None, failure


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_command_escapes_the_test(path: Path) -> None:
    left_out = {(path.name, block.why_not_run) for block in blocks_of(path) if block.why_not_run}
    prose = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)

    assert left_out <= LEFT_OUT
    assert fence_languages(path) <= {"sh", "text", "json", "nginx", "ini", "yaml"}
    assert re.findall(r"^\n {4}\S.*|^ +```.*", prose, re.MULTILINE) == []


@pytest.mark.parametrize("path", WITH_BLOCKS, ids=lambda path: path.name)
def test_every_curl_shows_what_it_prints(path: Path) -> None:
    silent = [block.place for block in blocks_of(path) if "curl" in block.command and not block.expected.strip()]

    assert silent == []


def test_the_stand_in_for_the_setup_ends_as_the_setup_does() -> None:
    script = (ROOT / "scripts/serve.py").read_text()

    assert 'init = ["--init"] if "--demo" in sys.argv[1:] else []' in script
    assert 'os.execv(command, [command, "serve"] + init + sys.argv[1:])' in script


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (Block("x:1", "curl -i http://127.0.0.1:3000/helth", "200 OK"), "ended with status 7"),
        (Block("x:1", "echo no", "yes\n"), "did not print 'yes'"),
        (Block("x:1", "false\ntrue\n"), "ended with status 1"),
        (Block("x:1", "echo fine", note="exit 1"), "ended with status 0, not 1"),
    ],
)
@RUN_TOGETHER
def test_a_broken_block_is_found(checkout: Checkout, block: Block, said: str) -> None:
    failure = first_failure(checkout, [block])

    assert failure is not None
    assert said in failure


def test_lines_are_looked_for_in_order_and_dots_stand_for_anything() -> None:
    output = 'HTTP/1.1 200 OK\nETag: "1"\n{"qty":40,"version":1}'

    assert missing_line('HTTP/1.1 200 OK\n{"qty":40,…}', output) is None
    assert missing_line('{"qty":41,…}', output) == '{"qty":41,…}'
    assert missing_line('ETag: "1"\nHTTP/1.1 200 OK', output) == "HTTP/1.1 200 OK"
