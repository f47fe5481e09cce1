"""The app of one worker process, from the environment; ``inventory serve`` serves it from anywhere."""

import os
import signal

from inventory.bootstrap import build_services
from inventory.settings import from_environment
from inventory.web.app import create_app
from inventory.web.logs import configure_logging


def _end_this_worker() -> None:
    # As gunicorn does itself: what is in flight is answered first, then another worker takes the place.
    os.kill(os.getpid(), signal.SIGTERM)


_settings = from_environment(os.environ)
configure_logging(_settings.log_level)
app = create_app(build_services(_settings, on_committer_death=_end_this_worker))
