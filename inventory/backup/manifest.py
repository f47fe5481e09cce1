"""The manifest of a backup: which ledger it holds, up to which event, and in which files.

    {"backup":1,"ledgerId":"…","timelineId":"…","firstSequence":1,"lastSequence":900,"lastAt":"…","chain":"…",
     "madeAt":"…","version":"…",
     "files":[{"path":"segments/00000000000000000001.jsonl","kind":"segment","firstSequence":1,"lastSequence":900,
               "bytes":…,"blake2b":"…","chainBefore":"…","chain":"…"},…],
     "hash":"<BLAKE2b-128 of every byte before the comma>"}

(without the line breaks, and with a line feed at the end). ``blake2b`` is the BLAKE2b-128 of the first ``bytes`` bytes
of the file, as it lies there; a file may be longer. ``chainBefore`` is the chain of the line before the first one, null
if that line was never there to see. A snapshot holds the effect of events 1 to ``lastSequence``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import orjson

from inventory.domain.values import Instant, format_instant, parse_instant
from inventory.eventlog.errors import LogError
from inventory.eventlog.line import GENESIS
from inventory.resilience.disk import Disk, read_file, replace_file
from inventory.resilience.retry import RetryPolicy

FORMAT = 1
PRIVATE = 0o600
"""The mode of every file of a backup: it holds all that the ledger holds."""
_MARK = b',"hash":"'


class BackupError(LogError):
    """The base class of these errors."""


class NoManifest(BackupError):
    """The folder has no manifest: it is no backup, or only a copy of files."""


class BackupDamaged(BackupError):
    """A file of the backup is not what it was. :ivar path: the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class BackupLayout:
    """The paths in a backup folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.json"
        self.segments = root / "segments"
        self.snapshots = root / "snapshots"
        self.lock = root / ".lock"

    def path(self, file: "BackupFile") -> Path:
        """Where a file of the manifest lies."""
        return self.root / file.path


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file of a backup.

    :ivar first: the first event in it. :ivar last: the last one.
    :ivar size: how many bytes of it belong to the backup. :ivar blake2b: the hash of these, in hexadecimal digits.
    :ivar chain_before: the chain before ``first``, or ``None`` if it is not known. :ivar chain: the chain of ``last``.
    """

    kind: Literal["segment", "snapshot"]
    first: int
    last: int
    size: int
    blake2b: str
    chain_before: bytes | None
    chain: bytes
    packed: bool = False

    @property
    def path(self) -> str:
        """Relative to the backup folder."""
        if self.kind == "snapshot":
            return f"snapshots/central-{self.last:020d}.jsonl"
        return f"segments/{self.first:020d}.jsonl{'.gz' if self.packed else ''}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``files`` are in the order of their events, segments first.

    :ivar ledger_id: ``None`` only if the log was empty. :ivar last_at: the instant of the last event, likewise.
    """

    ledger_id: str | None
    timeline_id: str | None
    last_at: Instant | None
    made_at: Instant
    version: str
    files: tuple[BackupFile, ...] = ()

    @property
    def segments(self) -> Sequence[BackupFile]:
        """The parts of the log, oldest first."""
        return [file for file in self.files if file.kind == "segment"]

    @property
    def snapshots(self) -> Sequence[BackupFile]:
        """The snapshots, oldest first."""
        return [file for file in self.files if file.kind == "snapshot"]

    @property
    def first(self) -> int:
        """The first event in the segments; 1 if there is none yet."""
        return next((file.first for file in self.segments), 1)

    @property
    def last(self) -> int:
        """The last event in the segments; 0 if there is none."""
        return next((file.last for file in reversed(self.segments)), 0)

    @property
    def chain(self) -> bytes:
        """The chain of the last event."""
        return next((file.chain for file in reversed(self.segments)), GENESIS)


def file_hash() -> "blake2b":
    """Begin the hash of a file."""
    return blake2b(digest_size=16)


def read_manifest(root: Path) -> Manifest:
    """Read and check the manifest of a backup folder.

    :raises NoManifest: there is none. :raises BackupDamaged: it is not as it was written.
    :raises BackupError: a newer version of this program wrote it. :raises OSError: it cannot be read.
    """
    path = BackupLayout(root).manifest
    try:
        content = read_file(path, disk=Disk(), retry=RetryPolicy())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoManifest(f"{root} has no manifest.json, so it is not a backup") from error
    try:
        return decode(content, path)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(path, f"the manifest is damaged ({error})") from error


def write_manifest(root: Path, manifest: Manifest, disk: Disk, retry: RetryPolicy) -> None:
    """Replace the manifest atomically. The files that it names are durable already.

    :raises OSError: the previous manifest is unchanged.
    """
    content = encode(manifest)
    replace_file(BackupLayout(root).manifest, lambda: [content], disk=disk, retry=retry, mode=PRIVATE)


def encode(manifest: Manifest) -> bytes:
    """Return the content of the file."""
    at, first = manifest.last_at, manifest.first
    body = orjson.dumps(
        {
            "backup": FORMAT,
            "ledgerId": manifest.ledger_id,
            "timelineId": manifest.timeline_id,
            "firstSequence": first,
            "lastSequence": manifest.last,
            "lastAt": None if at is None else format_instant(at),
            "chain": manifest.chain.hex(),
            "madeAt": format_instant(manifest.made_at),
            "version": manifest.version,
            "files": [_file_as_json(file) for file in manifest.files],
        }
    )[:-1]
    return body + _MARK + blake2b(body, digest_size=16).hexdigest().encode() + b'"}\n'


def decode(content: bytes, path: Path) -> Manifest:
    """Return the manifest. :raises ValueError, KeyError, TypeError: it is damaged. :raises BackupError: see there."""
    body, _, _ = content.rpartition(_MARK)
    if content != body + _MARK + blake2b(body, digest_size=16).hexdigest().encode() + b'"}\n':
        raise ValueError("its hash does not match")
    fields = orjson.loads(content)
    if fields["backup"] != FORMAT:
        raise BackupError(f"{path} has format {fields['backup']}: a newer version of this program wrote it; upgrade")
    at = fields["lastAt"]
    ids = fields["ledgerId"], fields["timelineId"]
    if not all(isinstance(each, str if fields["files"] else str | None) for each in ids):
        raise ValueError(f"{ids} are not the ids of a ledger and a timeline")
    manifest = Manifest(
        *ids,
        None if at is None else parse_instant(at),
        parse_instant(fields["madeAt"]),
        fields["version"],
        tuple([_file_from_json(file) for file in fields["files"]]),
    )
    _require_continuous(manifest.segments)
    # What follows from the files is told twice: a list that lacks some of them must not pass for the whole.
    for name, value in orjson.loads(encode(manifest)).items():
        if name not in ("files", "hash") and fields[name] != value:
            raise ValueError(f"{name} is {fields[name]!r}, but {value!r} by its files")
    return manifest


def _file_as_json(file: BackupFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "kind": file.kind,
        "firstSequence": file.first,
        "lastSequence": file.last,
        "bytes": file.size,
        "blake2b": file.blake2b,
        "chainBefore": None if file.chain_before is None else file.chain_before.hex(),
        "chain": file.chain.hex(),
    }


def _file_from_json(fields: dict[str, Any]) -> BackupFile:
    before, path = fields["chainBefore"], fields["path"]
    numbers = fields["firstSequence"], fields["lastSequence"], fields["bytes"]
    if not isinstance(path, str) or any(type(number) is not int for number in numbers):
        raise ValueError(f"{path!r} has {numbers}, which are not numbers of events and bytes")
    file = BackupFile(
        fields["kind"],
        fields["firstSequence"],
        fields["lastSequence"],
        fields["bytes"],
        fields["blake2b"],
        None if before is None else bytes.fromhex(before),
        bytes.fromhex(fields["chain"]),
        path.endswith(".gz"),
    )
    # The path follows from the rest: a manifest cannot lead out of the folder.
    if file.kind not in ("segment", "snapshot") or file.path != path:
        raise ValueError(f"{path!r} is not the path of a backup file")
    if not 0 < file.first <= file.last or file.size <= 0 or (file.kind == "snapshot" and file.first != 1):
        raise ValueError(f"{path} cannot have the events {file.first} to {file.last} in {file.size} bytes")
    return file


def _require_continuous(segments: Sequence[BackupFile]) -> None:
    for file, following in pairwise(segments):
        if following.first != file.last + 1 or following.chain_before != file.chain:
            raise ValueError(f"{following.path} does not continue {file.path}")
