"""What the service does, on any engine: use cases, the ports that an engine implements, and the committing thread.

**A change** goes from `stock` or `reservations` through `submission` (what decides on a command), `committing_thread`
(the queue and the thread), `group_commit` (the steps of one commit group, and the answers of its clients when a step
fails) and `change_overlay` (each change decided on the result of those before it) to an engine's `GroupStore`.
`pending_change` is the ticket that the client waits for. `sku_leases`, `quotas` and `event_ids` are used on the way.

**A read** goes to an engine; `state_pages` makes pages of a state in memory, `history` and `hold_history` walk through
events.

**Jobs**: `sync` publishes the views, `maintenance` takes snapshots and compacts, `dead_letters` notes events that could
not be applied, `reservations` ends expired holds.

**For engines**: `ports` has what an engine implements; `in_memory_group` and `sequential_history` are parts that two
engines share.
"""
