"""Found by ``gunicorn wsgi:app`` in a checkout."""

from inventory.server.gunicorn_conf import *  # noqa: F403
