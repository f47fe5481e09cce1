"""What proves a ledger right.

``verify`` folds the log and compares it with what was made of it; ``derived_files`` and ``drift`` say where they
differ. ``rebuild`` deletes what is derived and makes it from the log. ``audit`` does the same beside a running process,
in a child process (``audit_child``) on a copy of the state. Begin with ``verify``.
"""
