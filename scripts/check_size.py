"""Check that no Python file has more than 250 lines and no function more than 60; print those that are longer.

python3 scripts/check_size.py [CHECKOUT]
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LINES_OF_FILE = 250
LINES_OF_FUNCTION = 60


def python_files(checkout: Path) -> list[Path]:
    """Return the files that git tracks, and those that it would if they were added.

    :raises subprocess.CalledProcessError: ``checkout`` is not a git checkout.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"]
    listing = subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.PIPE).stdout
    files = [checkout / name for name in listing.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def offences(file: Path) -> Iterator[str]:
    """Say what is too long in one file."""
    source = file.read_text(encoding="utf-8")
    length = len(source.splitlines())
    if length > LINES_OF_FILE:
        yield f"{file}: {length} lines; a file has at most {LINES_OF_FILE}"
    for node in ast.walk(ast.parse(source, str(file))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_OF_FUNCTION:
                place = f"{file}:{node.lineno}: {node.name}"
                yield f"{place}: {length} lines; a function has at most {LINES_OF_FUNCTION}"


def main(checkout: Path) -> int:
    """Print every offence; the exit status is 1 if there is one."""
    files = python_files(checkout)
    found = [offence for file in files for offence in offences(file)]
    for offence in found:
        print(offence)
    print(f"{len(files)} files checked, {len(found)} too long")
    return 1 if found or not files else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    here = Path(__file__).parents[1]
    parser.add_argument(
        "checkout", nargs="?", type=Path, default=here, help="where git looks for files (this checkout)"
    )
    sys.exit(main(parser.parse_args().checkout))
