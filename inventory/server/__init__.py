"""The server: gunicorn with the worker class and the hooks of the service, and the jobs that run beside requests.

A server begins with ``gunicorn_conf``, which gunicorn reads: ``gunicorn_settings`` and ``hooks``. The master checks
everything that can refuse a start (``listen_address``, the data folder), creates what its workers share
(``metrics_folder``, ``connection_share``) and forks them, each on its core (``pinning``). ``worker_class`` chooses
their class.

Read ``worker`` first. It accepts a waiting client, or leaves it to another worker (``connection_share``), and watches
its connection (``poller``). A thread (``thread_pool``) reads a request from it (``client_socket``), checks its
head (``request_head``) and calls the application (``exchange``). The answer of a change waits in ``deferred_answers``,
that of a slow client in ``sender``; ``closing`` closes the connection. ``shutdown`` and ``periodic_jobs`` do the rest;
``gunicorn_seam`` has every private name of gunicorn.
"""
