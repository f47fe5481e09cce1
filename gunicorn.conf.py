"""Found by ``gunicorn wsgi:app`` in a checkout."""

from inventory.worker.gunicorn_conf import *  # noqa: F403
