"""Backups: a copy of a ledger in another folder that says of itself what it holds.

| in the backup folder | what it is |
|---|---|
| `manifest.json` | which ledger and timeline, up to which event, and each file with its size and hash (`manifest`) |
| `segments/<first>.jsonl` or `.jsonl.gz` | the log; the newest segment grows |
| `snapshots/central-<n>.jsonl` | the newest snapshot, and an older one if the log no longer begins at the first event |

Whatever the manifest does not name is no part of the backup: a file, or bytes at the end of one. Data files are durable
before a manifest names them, and the manifest is replaced atomically, so a backup is valid at any time.

`copy` makes one pass: `source` says how far the log is durable, `log_copy` and `snapshot_copy` copy, `target` locks,
extends and commits the backup. `proof` reads a backup and says what of it is proven, for `verify_backup` and `restore`,
which does what a `restore_plan` says in a `restoring_folder`. Begin with `manifest` and `copy`.
"""
