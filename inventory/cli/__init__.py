"""The ``inventory`` command, for people."""
