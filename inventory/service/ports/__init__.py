"""The ports: what an engine implements so that the service can run on it, and nothing else.

| file | what an engine does there | used by |
|---|---|---|
| `change_queue` | takes changes: `service/committing_thread.py` does, over a `group_store` | stock, holds |
| `group_store` | appends commit groups: exclusive, begin, write, ensure, idle | the committing thread |
| `stock_reads` | reads records and reservations, in pages and in walks | stock, holds, publishing |
| `event_history` | reads events by sequence and by record; waits for news | feed, history, dead letters |
| `health` | says how it is, what is broken, what time it has | readiness, every service |
| `dead_letter_store` | keeps what could not be applied | `service/dead_letters.py` |
| `published_views` | publishes the views | `service/sync.py` |
| `maintenance` | takes snapshots, compacts | `service/maintenance.py` |

`ledger` is the first five together. A new engine is one more factory in `tests/support/engines.py`: the suite there is
what the ports promise.
"""
