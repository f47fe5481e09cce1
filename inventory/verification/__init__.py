"""Verification of a ledger against its log.

``verify`` folds the log and compares it with everything derived from it; ``derived_files`` and ``drift`` report the
differences. ``rebuild`` deletes what is derived and builds it again from the log. ``audit`` compares the memory of a
running process, in a child process (``audit_child``) on a copy of the state. Begin with ``verify``.
"""
