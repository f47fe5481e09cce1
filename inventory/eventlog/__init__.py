"""Implementations of the ledger port: the log on disk, and the same in memory."""
