"""The cost of log lines that a client can cause at will."""

from pathlib import Path

from costs.api import serving

_REQUESTS = 2000
_PATH_BYTES = 3000


def not_found(checkout: Path, folder: Path) -> dict[str, float]:
    """Bytes of log for each request whose path is not there."""
    lines = folder / "lines"
    with serving(checkout, folder, {"LOG_LEVEL": "info"}, output=lines) as client:
        for _ in range(_REQUESTS):
            client.ask("GET", "/nope/" + "x" * _PATH_BYTES)
    told = lines.stat().st_size + (folder / "stderr").stat().st_size
    return {"log for a 404, bytes": told / _REQUESTS}
