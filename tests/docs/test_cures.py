"""The program's advice to an operator: no advised step can lose data."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import inventory

PACKAGE = Path(inventory.__file__).parent
NAMES_A_CURE = re.compile(
    r"--again\b|\b(restor\w+|backup|delet\w+|remov\w+|missing|restart\w*|start again|rebuil\w+|begin anew|put back"
    r"|start over|bring .* back|kill\w*|lost)\b",
    re.IGNORECASE,
)

HARMLESS = {
    # They name a state, or what was done, and no cure.
    "it is being rebuilt or restored",
    "2 usage error; 3 BACKUP has no manifest;",
    "… has a snapshot, a view or a shared header of event …, but its log ends at event …: … events are missing",
    "cut an incomplete write off the end of the log, after event …; a copy is in …. A power cut leaves such an end,"
    " without a confirmed change. If this folder is a copy, it may have been cut, and confirmed changes after event …"
    " may be missing",
    "… begins with event … and has no valid snapshot of the events before: without it, no stock can be restored",
    "… holds neither a backup nor an event log",
    "NO MANIFEST: … is a copy of files, or a data folder. Its log ends at …, and nothing proves that no later events"
    " are missing.\nTo check a data folder, run: inventory verify --data-dir …",
    "give either BACKUP or --data-dir",
    "it was deleted meanwhile, after a newer one was taken",
    "The event log is damaged, or incomplete: ….\nWhat comes before is in the backup. See docs/how-to/damaged-log.md",
    "Event …, ledger.restored, begins the timeline ….",
    "Restore up to the last event that is not after this: a sequence, or an RFC 3339 time with an offset.",
    "Restored … ….",
    "checking the backup",
    "event … is lost",
    "no event is lost",
    "… events are lost, … to …",
    ", … of them lost in the backup with their keys",
    "from an empty backup",
    "nothing was restored",
    "restored from the backup of …: …",
    "… begins with event …, and has no valid snapshot of the events before. Nothing was restored.",
    "… cannot be restored to a moment before event … (…). Nothing was restored.",
    "… has no event that can be restored. Nothing was restored.",
    "… is not a folder. Nothing was restored.",
    "was not made from the log of this backup",
    "… has no manifest.json, so it is not a backup",
    "…. Nothing was restored. See 'From a copy without a manifest' in docs/how-to/backup-and-restore.md",
    "… is not the path of a backup file",
    "… deleted, … kept.",
    "Rebuilt as of event ….",
    "deleted …",
    "'inventory backup --follow …' is running; stop it first",
    "… holds no backup now: its disk is not mounted, or its files were moved",
    "column … is missing",
    "is missing",
    "… was removed or replaced",
    "this part of the log is missing",
    "event … was durable, but is missing",
    "the beginning of the log is missing, and there is no snapshot",
    "Missing: every event from … on",
    "Missing: event …",
    "Missing: … events, … to …",
    "… was removed or moved away (…)",
    "Log lines lost because the output failed or was too slow",
    "this key was used before, and the event that holds its answer was deleted from the archive",
    "event … of reservation … was deleted from the archive",
    "… is of event …, but the log ends at event …: the log lacks the events in between, and only the snapshots have"
    " their effect. Nothing was deleted.",
    "Processes that this server killed because they were stopped while they held the append lock",
    "The requested events were compacted, or deleted from the archive.",
    "The event that holds the answer to this key, or the lines of the reservation, was deleted from the archive.",
    "Changes are refused until an operator has fixed the cause: a failed flush, a damaged or missing file, a record"
    " with a broken history, a newer log format.",
    "killed process %d: it was stopped while it held the lock on %s and blocked all changes; no confirmed change is"
    " lost",
    "is of event …, which the log does not have: this snapshot has changes that the log has lost",
}

SAFE = {
    # The target, and what it holds, stays as it is: test_copy.
    "… is not empty, and has no manifest.json: it is not a backup. Choose an empty folder",
    "… is a backup of ledger …, but … has ledger …. Nothing was changed. Choose another folder for this ledger",
    "… is a backup of timeline …, but … is on timeline …: one of them was restored. Nothing was changed. Choose another"
    " folder for this timeline, and keep this one as long as its events may be needed",
    "event … begins another timeline: … was restored. The backup ends before it. Choose another folder for the new"
    " timeline",
    "… has events up to …, but the log in … ends at event …: confirmed events are missing there. Nothing was changed."
    " See docs/how-to/damaged-log.md",
    "… ends at event …, but the log in … begins at event …: the events between were deleted from the archive before"
    " they were copied. Nothing was changed. Choose another folder, and keep this one for its history",
    "… is inside the data folder …: whatever destroys that destroys its backup, too. Nothing was changed. Choose a"
    " folder outside, best on another disk",
    # It only reads.
    "… has no event of ledger … yet: the first 'inventory backup' to it did not finish, or is at work",
    "is missing; run 'inventory verify' on the backup",
    "does not match the manifest; run 'inventory verify' on the backup",
    # A backup is named where events are provably missing, after the places to look in: test_shared_header_behind.
    "First look for the files: a disk that is not mounted, another name, another folder. A backup helps only if the"
    " files are lost and the backup has these events: see docs/how-to/damaged-log.md.\nIf you restored an older log on"
    " purpose, move the files of later events out of the folder: see docs/how-to/backup-and-restore.md.",
    "… is inside the backup …. Restore into a new folder outside of it.",
    # A restore changes neither the backup nor a folder that is not empty: test_restoring_folder.
    "If BACKUP is damaged, restore what is proven before the damage.",
    "The backup is damaged:\n…\nNothing was restored. Look for an undamaged copy of these files first. --up-to-damage"
    " restores ….",
    "… is not empty: it has …. Restore into a new folder, or set the old one aside under another name. Nothing was"
    " restored.",
    "… was changed during the restore: …. Nothing was restored; repeat the command.",
    "…: event … was written by a newer version of this program. Restore with that version.",
    "…: a restore into this folder has not finished. If it is no longer running, repeat the command 'inventory"
    " restore': it begins again.",
    # A rebuild checks the whole log first, and refuses where a snapshot has what the log has not: test_derived_files.
    "'inventory rebuild' writes it again",
    "Delete and rebuild everything in … that is derived from the log?",
    "the figures of … in … before event … are unknown: the snapshot that this process started from does not have them;"
    " 'inventory rebuild' reads them from the log",
    # The command is asked for a number and needs two whole snapshots: test_archive.
    "Delete all but the newest KEEP archive segments.",
    # It adds to that copy, and changes nothing else.
    "holds events up to …. Start 'inventory backup --follow …'; or, if that copy is given up,",
    # Counts are stated again: it says what that does to sales since.
    "… is damaged, so it is unknown how far this file was imported. --again sets every count in the file, even where"
    " stock was sold since",
    "this file was imported into a log that had event …, but this log ends at event …: it is another log, or an older"
    " copy. --again sets every count in the file, even where stock was sold since",
    "an earlier import of this file was interrupted, and its idempotency keys have expired (IDEMP_TTL_MS): rows … (line"
    " …) to … may or may not be applied, and setting their counts again could undo later sales. Put the remaining rows"
    " into a separate file; --again sets every count of this one",
    # A start changes no line that is durable.
    "a flush of the event log failed in the meantime; start again",
    "read again, event %d does continue %s; restart the servers",
    # It takes a program that can read the log; nothing is written meanwhile.
    "upgrade this program, and restart the server",
    # What was moved is moved back.
    "put the folder back, and restart the servers",
    # For followers of the feed: they read the stock again.
    "does not exist yet; the latest event is …; if a backup was restored, start over",
}


def told(tree: ast.AST) -> Iterator[str]:
    """Every text in the code that is no docstring, with … for what is put in."""
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            silent.update(id(part) for part in node.values)
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def cures() -> set[str]:
    texts = {text for path in PACKAGE.rglob("*.py") for text in told(ast.parse(path.read_text()))}
    return {text for text in texts if " " in text and NAMES_A_CURE.search(text)}


def test_every_cure_that_is_named_was_looked_at_for_what_it_can_lose() -> None:
    texts = {text for text in cures() if not text.startswith("Stock figures for many stores")}
    assert texts - SAFE - HARMLESS == set()


def test_no_cure_is_kept_in_the_list_that_is_no_longer_named() -> None:
    assert (SAFE | HARMLESS) - cures() == set()
