"""The drills: a real server, put under more than it can do or with a part of it held slow, and held to its bounds.

``flood`` and ``slow_sync`` say what is done and which bounds there are, ``bounds`` compares, ``subject`` is the
server under test, ``cli`` the command. Servers, drivers and checks are those of the benchmark. Never part of the
gate, which has forms of these without a clock in tests/system.
"""
