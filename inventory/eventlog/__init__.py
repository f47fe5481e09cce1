"""The engine on files: an event log that several processes of one machine append to and fold. Begin with `ledger`.

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

The log alone is the truth; everything else is made from it again when it is missing.

**In which order a change goes through the modules.** The committing thread is not here but in
`service/committing_thread.py`; it calls `group_store` in this order:

1. `append_lock`: wait until this process may append.
2. `replica` folds what other processes have committed (`reader` checks each chain); what a writer left that died is
   adopted or cut off; a full segment is sealed.
3. Each event that is decided becomes a line (`line`), chained to the one before.
4. `appender` writes all lines with one call, or cuts off what fell short.
5. `shared_header` moves the committed index, and `replica` folds the events: from here on all processes see them.
6. The lock is released. `durability` flushes, for everything that was committed before the flush began.
7. Only then are the clients told, and reads (`reads`, `history`) show it.

**Before and beside that.** `recovery` prepares a folder when a server starts: `log_check` reads it to its end,
`tail` says what may be cut off. `maintenance` takes snapshots and compacts. `folder_watch` notices files that
were replaced under running processes, and a holder of the lock that stands still. `log_parts` has what most of these
share.
The format is described byte by byte in `docs/reference/log-format.md`, the reasons in `docs/internals/log.md`.
"""
