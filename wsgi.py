"""What gunicorn serves: ``gunicorn wsgi:app``. Imported by each worker after its fork."""

import os
import signal

from inventory.bootstrap import build_services
from inventory.settings import from_environment
from inventory.web.app import create_app
from inventory.web.logs import configure_logging


def _end_gracefully() -> None:
    # Those who wait get their 503 first; then the worker is gone and the master makes another.
    os.kill(os.getpid(), signal.SIGTERM)


_settings = from_environment(os.environ)
configure_logging(_settings.log_level)
app = create_app(build_services(_settings, on_committer_death=_end_gracefully))
