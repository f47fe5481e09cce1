"""From a path to its view, by its segments as the client sent them."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, Rule

PATH = "inventory.path"
"""Where the WSGI environment holds the path as it was sent: what routing, the limits and docs/nginx.conf look at."""

_Found = tuple[Rule, Mapping[str, str]]
_NO_NAME = frozenset(("", ".", ".."))


def note_path(environ: dict[str, Any]) -> str:
    """Keep the path as the client sent it, below the mount point of the application; return the full path and query.

    If the server does not have the original, the path is escaped again.
    """
    target: str | None = environ.get("RAW_URI")
    if target is None:
        target = _escaped(environ)
    path = target.partition("?")[0]
    mounted_at = environ.get("SCRIPT_NAME")
    environ[PATH] = path[len(mounted_at) :] if mounted_at and path.startswith(mounted_at) else path
    return target


def _escaped(environ: Mapping[str, Any]) -> str:
    path = quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), encoding="latin-1")
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


class _Template(NamedTuple):
    """The path of a rule, split at its slashes. :ivar names: index of a segment → parameter of the view."""

    rule: Rule
    words: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]

    def match(self, parts: list[str], is_escaped: bool) -> _Found | None:
        for place, word in self.words:
            if parts[place] != word:
                return None
        found = {name: parts[place] for place, name in self.names}
        if is_escaped:
            found = {name: unquote(part) for name, part in found.items()}
        return (self.rule, found) if _NO_NAME.isdisjoint(found.values()) else None


class Routes:
    """The rules whose parameters are whole segments, found with a few comparisons.

    A fixed segment matches only as it is written; a parameter is decoded after the path is split, so that ``%2F`` in
    it begins no new segment. Empty and dot segments match nothing.

    Werkzeug walks a state machine of regular expressions. Counted: 50,000 instructions a request, here 8,000.
    """

    def __init__(self, url_map: Map) -> None:
        """:param url_map: complete; rules that are added later are not found.

        :raises ValueError: a rule has a parameter that is not a whole segment, or has a converter.
        """
        self._by_method: dict[tuple[str, int], list[_Template]] = {}
        # If two rules match, the one with a fixed segment wins over the one with a parameter, as in werkzeug.
        for rule in sorted(url_map.iter_rules(), key=lambda rule: [part[:1] == "<" for part in rule.rule.split("/")]):
            parts = rule.rule.split("/")
            names = tuple((place, part[1:-1]) for place, part in enumerate(parts) if part.startswith("<"))
            words = tuple((place, part) for place, part in enumerate(parts) if "<" not in part)
            if len(words) + len(names) < len(parts) or any(":" in name for _, name in names):
                raise ValueError(f"{rule.rule!r} has a parameter that is not a whole segment")
            for method in rule.methods or ():
                self._by_method.setdefault((method, len(parts)), []).append(_Template(rule, words, names))

    def find(self, method: str, path: str) -> _Found | None:
        """Return the rule for a path as it was sent, and its parameters; ``None`` if no rule matches."""
        parts, is_escaped = path.split("/"), "%" in path
        for template in self._by_method.get((method, len(parts)), ()):
            found = template.match(parts, is_escaped)
            if found is not None:
                return found
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that have a rule for this path, sorted."""
        return sorted({method for method, _ in self._by_method if self.find(method, path) is not None})


class PathAdapter(MapAdapter):
    """Matches by path alone. Flask also looks at the host, for 5 µs, and no URL here depends on it."""

    def __init__(self, url_map: Map, routes: Routes, root_path: str, path: str, method: str) -> None:
        """:param path: as it was sent."""
        super().__init__(url_map, "", root_path, "", "http", path, method)
        self._routes = routes

    def match(self, *_: Any, **__: Any) -> Any:
        """See ``MapAdapter.match``; Flask asks for the rule.

        :raises NotFound, MethodNotAllowed: there is no rule for this path, or none for this method.
        """
        found = self._routes.find(self.default_method, self.path_info)
        if found is not None:
            return found
        methods = self.allowed_methods()
        raise MethodNotAllowed(methods) if methods else NotFound()

    def allowed_methods(self, path_info: str | None = None) -> list[str]:
        """See ``MapAdapter.allowed_methods``."""
        return self._routes.methods(self.path_info if path_info is None else path_info)
