"""The app of one worker process, with settings from the environment."""

import os
from pathlib import Path

from inventory.settings import from_environment
from inventory.web.app import create_app
from inventory.web.logs import configure_logging
from inventory.web.metrics import FOLDER_VARIABLE
from inventory.wiring import BUCKETS_FILE, PRELOADED_STATE, build_worker_services

_settings = from_environment(os.environ)
configure_logging(_settings.log_level, _settings.log_format)
_folder = os.environ.get(FOLDER_VARIABLE)
_buckets = Path(_folder) / BUCKETS_FILE if _folder else None
app = create_app(build_worker_services(_settings, _buckets, PRELOADED_STATE.take()))
