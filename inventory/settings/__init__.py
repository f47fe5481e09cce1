"""Every setting, read once, at the edge, into one frozen object.

``fields`` says which settings there are, ``parsers`` how a text becomes a value, and ``reading`` where the texts come
from: options, then ``INVENTORY_<NAME>``, then ``<NAME>``. Begin with ``fields``.
"""

from inventory.settings.fields import FIELDS, Settings, setting_names
from inventory.settings.reading import PREFIX, Reading, SettingsError, Source, from_environment, read

__all__ = [
    "FIELDS",
    "PREFIX",
    "Reading",
    "Settings",
    "SettingsError",
    "Source",
    "from_environment",
    "read",
    "setting_names",
]
