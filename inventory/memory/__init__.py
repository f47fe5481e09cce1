"""The engine in memory: the reference for what the ports promise, and what unit tests run on."""
