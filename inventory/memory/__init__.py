"""The engine in memory: the reference implementation of the ports, for unit tests."""
