"""The ports: what an engine implements so that the service can run on it, and nothing else.

| file | what an engine does there | used by |
|---|---|---|
| `change_queue` | queues changes: `service/committing_thread.py` does it, over a `group_store` | stock, holds |
| `group_store` | appends commit groups: exclusive, begin, write, ensure, idle | the committing thread |
| `stock_reads` | reads records and reservations, in pages and in walks | stock, holds, publishing |
| `event_history` | reads events by sequence and by record; waits for new ones | feed, history, dead letters |
| `health` | has the status, the broken records, the clock | readiness, every service |
| `dead_letter_store` | keeps dead letters | `service/dead_letters.py` |
| `published_views` | publishes the views | `service/sync.py` |
| `maintenance` | takes snapshots, compacts | `service/maintenance.py` |

`ledger` combines the first five, and has smaller combinations for the services. A new engine adds a factory to
`tests/support/engines.py`: the contract suite tests what the ports promise.
"""
