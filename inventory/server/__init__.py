"""gunicorn: the worker class of the service, the hooks of its master, and what runs beside requests.

A server begins with ``gunicorn_conf``, which gunicorn reads: ``gunicorn_settings`` and ``hooks``. The master checks
what a start can be refused for (``listen_address``, the data folder), makes what its workers share
(``metrics_folder``, ``connection_share``) and forks them, each on its core (``pinning``). ``worker_class`` says which
class they are.

Read ``worker`` first. A client that waits is accepted here or left to another worker (``connection_share``), and its
connection is watched (``poller``). A thread (``thread_pool``) reads a request from it (``client_socket``), checks its
head (``request_head``) and asks the application (``exchange``). The answer of a change waits in ``deferred_answers``,
that of a slow client in ``sender``; ``closing`` ends the connection. ``shutdown`` and ``periodic_jobs`` are the rest,
and ``gunicorn_seam`` is where all of it touches gunicorn.
"""
