"""The ports: what an engine implements so that the service can run on it.

``ledger`` takes changes and answers reads; ``change_queue`` and ``stock_reads`` hold what goes in and what comes out.
``event_history`` reads what has happened, ``dead_letter_store`` keeps what could not be applied, ``published_views``
and ``maintenance`` are what the periodic jobs work on. Begin with ``ledger``.
"""
