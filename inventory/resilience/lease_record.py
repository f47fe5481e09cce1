"""What a lease file holds, and what it is called."""

from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Whose ``key`` is, and until when.

    :ivar deadline: microseconds on CLOCK_BOOTTIME; from this one on the key is nobody's.
    :ivar boot: the boot of the machine that the deadline belongs to.
    :ivar purpose: what it was taken for, if another attempt at the same is to recognise it.
    """

    key: str
    owner: str
    deadline: int
    boot: str
    purpose: str | None = None

    def is_alive(self, boot: str, now: int) -> bool:
        """Whether it keeps others out. One of another boot does not: its holder is gone with that boot."""
        return self.boot == boot and now < self.deadline


def encode(record: LeaseRecord) -> bytes:
    """``{"key": …, "owner": …, "deadline": …, "boot": …, "purpose": …}``, for people and ``jq`` too."""
    return orjson.dumps(asdict(record), option=orjson.OPT_APPEND_NEWLINE)


def decode(content: bytes) -> LeaseRecord | None:
    """Read a lease file; ``None`` if it is empty, torn, or something else. Nobody holds a key by such a file."""
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    match found:
        case {"key": str(key), "owner": str(owner), "deadline": int(deadline), "boot": str(boot)}:
            purpose = found.get("purpose")
            return LeaseRecord(key, owner, deadline, boot, purpose if isinstance(purpose, str) else None)
        case _:
            return None


def file_stem(key: str) -> str:
    """A name that is safe in any folder, whatever the key is: its hash. The file itself says the key."""
    return blake2b(key.encode(), digest_size=16).hexdigest()
