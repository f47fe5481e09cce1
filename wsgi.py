"""``gunicorn wsgi:app`` in a checkout."""

from inventory.web.wsgi import app

__all__ = ["app"]
