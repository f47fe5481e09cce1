"""How the text of a setting becomes its value. Each parser raises ``ValueError`` with what it accepts."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Accept the whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: str, **others: str) -> Callable[[str], str]:
    """Accept ``words`` in upper and lower case; where ``on`` or ``off`` is one of them, each word for yes or no.

    :param others: further words, with the one that each stands for.
    """
    meant = {**others, **{word: word for word in words}}
    for of_a_kind in (_YES, _NO):
        for chosen in set(words).intersection(of_a_kind):
            meant = {**dict.fromkeys(of_a_kind, chosen), **meant}

    def parse(text: str) -> str:
        if text.lower() not in meant:
            raise ValueError(f"one of {', '.join(words)}")
        return meant[text.lower()]

    return parse


def flag(text: str) -> bool:
    """Accept each word for yes or no, in upper and lower case."""
    if text.lower() not in _YES + _NO:
        raise ValueError("true or false (also yes or no, on or off, 1 or 0)")
    return text.lower() in _YES


def networks(text: str) -> tuple[str, ...]:
    """Accept addresses and networks, separated by commas."""
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise ValueError("a comma-separated list of addresses or networks (10.0.0.0/8)") from error


def path(text: str) -> Path:
    """Accept any path."""
    if not text or "\0" in text:
        raise ValueError("a path")
    return Path(text)


def word(text: str) -> str:
    """Accept what a host name, an address or the name of an owner consists of."""
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,255}", text):
        raise ValueError("1 to 255 letters, digits, '.', '_', ':' or '-'")
    return text


def status(text: str) -> int:
    """Accept the HTTP statuses that a refused lease may have."""
    if text not in ("409", "423", "429", "503"):
        raise ValueError("409, 423, 429 or 503")
    return int(text)
