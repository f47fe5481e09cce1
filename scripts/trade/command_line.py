"""What the commands of this package share: options, ways to end, and exit statuses."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence

from trade.files import BadFile
from trade.service import GaveUp, Service

STATUSES = "exit status: 0 the figures agree, 1 they do not or the service is away, 2 wrong arguments, 130 Ctrl-C"


def parser_of(name: str, text: str, clients: int, of_what: str) -> argparse.ArgumentParser:
    """Make a parser with the options that all have."""
    parser = argparse.ArgumentParser(
        prog=name, description=text, epilog=STATUSES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the deployment (default: %(default)s)")
    parser.add_argument(
        "--clients", type=positive, default=clients, help=f"{of_what} at the same time (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def run(
    parser: argparse.ArgumentParser,
    asked: argparse.Namespace,
    act: Callable[[Service], Mapping[str, object]],
    words: Callable[[Mapping[str, object]], Sequence[str]],
    if_stopped: str,
) -> int:
    """Act on the deployment and print the result; returns the exit status.

    :param words: the result for people. :param if_stopped: how to go on after Ctrl-C, or when the service is away.
    """
    try:
        service = Service(asked.url)
        result = _acted(service, act, if_stopped)
    except (BadFile, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except GaveUp as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"\nstopped; {if_stopped}\n")
    print(json.dumps(result) if asked.json else "\n".join(words(result)))
    return 0 if result["ok"] else 1


def _acted(service: Service, act: Callable[[Service], Mapping[str, object]], if_stopped: str) -> Mapping[str, object]:
    service.require()
    try:
        return act(service)
    except GaveUp as error:
        raise GaveUp(f"{error}\n{if_stopped}") from error
