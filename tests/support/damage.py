"""Damage to a log, each time on a fresh copy, and the result of a start on it."""

from collections.abc import Iterator

from inventory.eventlog.errors import LogDamaged
from support.folder import ONE, Folder, add
from support.logs import ends, history

LENGTH, LAST = 5, 3
SETTINGS = ("same boot", "same boot, not synced", "other boot", "other boot, not synced", "shared header deleted")


class Patient:
    """A log of ``LENGTH`` lines on a folder, with the shared header of one of ``SETTINGS``.

    :ivar survivors: every log that a start has let through → how many events it must hold.
    """

    def __init__(self, folder: Folder, setting: str, synced: int = 0) -> None:
        self.folder = folder
        self.lines = history(LENGTH, synced)
        self.log = b"".join(self.lines)
        self.ends = ends(self.lines)
        self.segment = folder.layout.segment(1)
        self.survivors: dict[bytes, int] = {}
        self._setting = setting
        self._marks = self._make_marks()
        if setting.startswith("other boot"):
            folder.machine.reboot()

    @property
    def begin(self) -> int:
        """Where the last lines begin."""
        return self.ends[LENGTH - LAST]

    def start_with(self, damaged: bytes, good: int) -> bool:
        """Start on ``damaged``, of which ``good`` lines are valid; return whether it was let through.

        Whatever happens, no figure is wrong afterwards: exactly the good lines are there, or nothing changed.
        """
        self._lay_out(damaged)
        refusal = recovery = None
        try:
            recovery = self.folder.prepare()
        except LogDamaged as error:
            refusal = error
        if recovery is None:
            assert (refusal.path, refusal.byte, refusal.line) == (self.segment, self.ends[good], good + 1)
            assert self.folder.files() == {self.segment.name: damaged}
            return False
        files = self.folder.files()
        kept, rest = damaged[: self.ends[good]], damaged[self.ends[good] :]
        assert files.pop(self.segment.name) == kept
        assert list(files.values()) == ([rest] if rest else [])
        assert recovery.cut == (self.segment.with_name(next(iter(files))) if rest else None)
        assert (recovery.end.sequence, recovery.end.offset) == (good, len(kept))
        self.survivors[kept] = good
        return True

    def keep_writing(self) -> None:
        """Go on with every log that was let through: the figures are right, and writing works."""
        for kept, good in self.survivors.items():
            self._lay_out(kept)
            ledger = self.folder.start()
            before = ledger.record(ONE)
            assert (before.on_hand if before else 0) == good
            outcome = add(ledger, key="new")
            assert (outcome.event.sequence, outcome.record.on_hand, outcome.record.version) == (good + 1,) * 3
            assert add(ledger, key="new").replayed
            self.folder.close()
            verification = self.folder.verify()
            assert (verification.problems, verification.checked_sequence) == ([], good + 1)

    def flips(self, start: int, step: int) -> Iterator[tuple[int, bytes]]:
        """Flip every ``step``-th bit of the last lines: (how many lines are still good, the damaged log)."""
        for bit in range(self.begin * 8 + start, len(self.log) * 8, step):
            byte = bit // 8
            damaged = bytearray(self.log)
            damaged[byte] ^= 1 << bit % 8
            yield sum(end <= byte for end in self.ends[1:]), bytes(damaged)

    def _make_marks(self) -> bytes:
        folder = self.folder
        folder.prepare()
        self.segment.write_bytes(self.log)
        folder.prepare()
        if self._setting.endswith("not synced"):
            marks = folder.marks()
            end = marks.published()
            marks.make(folder.machine.boot, end._replace(sequence=LENGTH - LAST), marks.clock_offset)
            marks.publish(end)
            marks.close()
        return folder.layout.shared_header.read_bytes()

    def _lay_out(self, log: bytes) -> None:
        for path in self.folder.layout.events.iterdir():
            if path != self.segment:
                path.unlink()
        self.segment.write_bytes(log)
        if self._setting == "shared header deleted":
            self.folder.layout.shared_header.unlink(missing_ok=True)
        else:
            self.folder.layout.shared_header.write_bytes(self._marks)
