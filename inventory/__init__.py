"""A consistency-first inventory service: one log, one fold, one HTTP API."""

__version__ = "0.2.0.dev0"
