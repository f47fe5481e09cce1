"""The drills: a real server that is overloaded, or of which a part is slowed, is checked against its bounds.

``flood``, ``beside`` and ``batches`` say what is done and which bounds there are, ``bounds`` compares, ``subject`` is
the server under test, ``cli`` the command; servers, drivers and checks are those of the benchmark. ``power_cut`` has a
server, a disk and clients of its own (``booted_server``, ``loop_disk``, ``workload``); ``after_cut`` says what must
hold. Never part of the gate, which has forms of these without a clock in tests/system.
"""
