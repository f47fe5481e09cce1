"""Reads the settings from options and the environment, and keeps where each value came from."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from inventory.settings.fields import FIELDS, Settings

PREFIX = "INVENTORY_"
_NEAR = 0.84
_SHORT = 5
# In a pod of Kubernetes, and in a container with links, each service that is called inventory, or inventory-something,
# has variables of these names: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_LINK = re.compile(r"SERVICE_\w+|(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT_[0-9]+_\w+|ENV_\w+)")
# These are told from a setting by their values, tcp://10.0.0.7:3000 and /shop/inventory.
_LINK_BY_VALUE = re.compile(r"(?:\w+_)?(?:PORT=(?:tcp|udp|sctp)://.*|NAME=/.*)", re.DOTALL)


class SettingsError(Exception):
    """The value of a variable is invalid, or its name is unknown. Names the variable."""


class Source(NamedTuple):
    """Where the value of a setting came from: the name of a variable or of an option (``--port``), and the text."""

    name: str
    text: str

    @property
    def is_option(self) -> bool:
        """Whether the value came from the command line."""
        return self.name.startswith("-")


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings, and what was found on the way to them.

    :ivar sources: by setting; those with their default are not in it.
    :ivar links: variables that Kubernetes or Docker makes for a service with the name of this one; not read.
    :ivar near_misses: variables that are almost settings, each with the setting that may be meant; not read.
    """

    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    near_misses: tuple[tuple[str, str], ...] = ()

    def warnings(self) -> list[str]:
        """One line for each variable that may be a mistyped setting."""
        return [f"{name} is not a setting and is ignored; did you mean {meant}?" for name, meant in self.near_misses]

    def passed_over(self) -> str | None:
        """One line that names the variables of links; ``None`` if there are none."""
        if not self.links:
            return None
        return f"ignored what Kubernetes or Docker sets for a service called inventory: {', '.join(self.links)}"


def read(environment: Mapping[str, str], options: Mapping[str, Source] | None = None) -> Reading:
    """Read the settings. An option takes precedence over ``INVENTORY_<NAME>``, and that over ``<NAME>``.

    :param options: by setting.
    :raises SettingsError: a value is invalid, or a variable with the prefix is neither a setting nor made by a link, or
        leases would expire before they are renewed; the message names the variable and says what is valid.
    """
    links = tuple(name for name, text in environment.items() if _is_link(name, text))
    _refuse_unknown(name for name in environment if name.startswith(PREFIX) and name not in links)
    sources = {}
    for name in FIELDS:
        if options and name in options:
            sources[name] = options[name]
        elif PREFIX + name in environment and PREFIX + name not in links:
            sources[name] = Source(PREFIX + name, environment[PREFIX + name])
        elif name in environment:
            sources[name] = Source(name, environment[name])
    settings = Settings(**{FIELDS[name].name: _parsed(name, source) for name, source in sources.items()})
    if settings.lock_ttl_ms <= settings.lock_renew_ms:
        raise SettingsError(
            f"LOCK_TTL_MS={settings.lock_ttl_ms} is not larger than LOCK_RENEW_MS={settings.lock_renew_ms}: "
            "a lease would expire before it is renewed."
        )
    near = tuple((name, meant) for name in environment if (meant := _nearly(name)) is not None)
    return Reading(settings, sources, links, near)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings of a process without options; see ``read``."""
    return read(environment).settings


def _refuse_unknown(variables: Iterable[str]) -> None:
    for name in variables:
        rest = name.removeprefix(PREFIX)
        if rest in FIELDS:
            continue
        if (meant := _nearly(rest)) is not None:
            raise SettingsError(f"{name} is not a setting; did you mean {PREFIX}{meant}? Rename it or unset it.")
        raise SettingsError(f"{name} is not a setting. Unset it; docs/reference/settings.md lists the settings.")


def _parsed(name: str, source: Source) -> Any:
    metadata = FIELDS[name].metadata
    try:
        return metadata["parse"](source.text)
    except ValueError as error:
        given = "" if metadata["secret"] else f"={source.text!r}"
        variable = f"{name}{given} ({source.name})" if source.is_option else source.name + given
        # The cause may quote the text.
        raise SettingsError(f"{variable} is not {error}.") from (None if metadata["secret"] else error)


def _is_link(name: str, text: str) -> bool:
    rest = name.removeprefix(PREFIX)
    if rest == name:
        return False
    if _LINK_BY_VALUE.fullmatch(f"{rest}={text}"):
        return True
    return rest not in FIELDS and _LINK.fullmatch(rest) is not None


def _nearly(name: str) -> str | None:
    if name in FIELDS or name.startswith(PREFIX) or len(name) <= _SHORT:
        return None
    for known in FIELDS:
        if len(known) <= _SHORT:
            continue
        near = SequenceMatcher(None, name.upper(), known)
        if near.quick_ratio() >= _NEAR and near.ratio() >= _NEAR:
            return known
    return None
