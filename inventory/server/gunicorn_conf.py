"""What ``gunicorn -c python:inventory.server.gunicorn_conf`` reads: settings from the environment, and the hooks."""

import os

from inventory.resilience import standard_streams
from inventory.server.gunicorn_settings import gunicorn_settings
from inventory.server.hooks import Hooks
from inventory.settings import SettingsError, read

# Also under gunicorn's own command: a message that cannot be written must not abort a start.
standard_streams.harden()

try:
    _reading = read(os.environ)
except SettingsError as error:
    # gunicorn would print a trace for anything else.
    raise SystemExit(f"inventory: {error}") from None

globals().update(gunicorn_settings(_reading.settings, Hooks(_reading.settings, reading=_reading)))
