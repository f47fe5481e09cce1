"""The app of one worker process, from the environment; ``inventory serve`` serves it from anywhere."""

import os

from inventory.bootstrap import build_worker_services
from inventory.settings import from_environment
from inventory.web.app import create_app
from inventory.web.logs import configure_logging

_settings = from_environment(os.environ)
configure_logging(_settings.log_level)
app = create_app(build_worker_services(_settings))
