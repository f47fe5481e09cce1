"""What ``gunicorn -c python:inventory.worker.gunicorn_conf`` reads: settings from the environment, and the hooks."""

import os

from inventory.resilience import standard_streams
from inventory.settings import SettingsError, from_environment
from inventory.worker.configuration import configuration
from inventory.worker.hooks import Hooks

# Under gunicorn's own command, too: a message that cannot be written must not end a start.
standard_streams.harden()

try:
    _settings = from_environment(os.environ)
except SettingsError as error:
    # gunicorn would print a trace for anything else.
    raise SystemExit(f"inventory: {error}") from None

globals().update(configuration(_settings, Hooks(_settings)))
