"""The service with its empty view installed, which the service itself never installs."""

from bench import empty_view
from inventory.web.wsgi import app

empty_view.install(app)

__all__ = ["app"]
