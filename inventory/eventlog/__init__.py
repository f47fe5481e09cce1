"""The engine on files: an event log that several processes of one host append to and fold. Begin with `ledger`.

**What is in a data folder** (`layout` has every path)

| file | module | what it is |
|---|---|---|
| `events/<first>.jsonl` | `line`, `appender` | the log in segments: the newest is open, the others are sealed |
| `archive/<first>.jsonl.gz` | `archive` | sealed segments that no start needs any more |
| `snapshots/central-<n>.jsonl` | `snapshot`, `snapshots` | the fold up to an event, to start from |
| `locks/state` | `shared_header` | how far the log is committed, how far durable; mapped by all processes |
| `locks/append` | `append_lock` | the right to append |
| `dead-letter.jsonl` | `dead_letter_file` | events that do not continue the history of a record |
| `*-inventory.json` | `published_views` | views for people and other programs; never read back |

The log alone is the truth; everything else is derived from it, and made again if it is missing.

**In which order a change goes through the modules.** The committing thread is not here but in
`service/committing_thread.py`; it calls `group_store` in this order:

1. `append_lock`: wait until this process may append.
2. `replica` folds what other processes have committed (`reader` checks the hash chain); lines of a writer that died are
   adopted or cut off; a full segment is sealed.
3. Each decided event becomes a line (`line`), chained to the previous one.
4. `appender` writes all lines with one call, or cuts off a torn write.
5. `shared_header` moves the committed index, and `replica` folds the events: from here on all processes see them.
6. The lock is released. `durability` flushes, for everything that was committed before the flush began.
7. Only then do the clients get their answers, and reads (`reads`, `history`) include the change.

**Before and beside that.** `recovery` prepares a folder when a server starts: `log_check` reads the log to its end,
`tail` decides what may be cut off. `maintenance` takes snapshots and compacts. `timeline` finds the ids
of the ledger, and makes the event that begins a timeline. `folder_watch` detects files that were replaced under running
processes, and a stopped holder of the lock. `log_parts` has what most of these share.
`docs/reference/log-format.md` describes the format byte by byte, `docs/internals/log.md` the reasons.
"""
