"""What mkdocs.yml needs beyond MkDocs.

It adds the pages of the top folder and the page of the API, puts the pages of a folder into the navigation, and refuses
a site that loads anything from another host. Pages keep the places that they have in the checkout, so a link between
two of them works here as it does there.
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from reference.api import api_page
from reference.fields import Description

API = "docs/reference/api.md"
TOP = (
    "README.md",
    "run.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "prompts.md",
    "openapi.yaml",
    "LICENSE",
)
_LOADED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"' >]+)""")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder in the place of its name."""
    config.nav = _expanded(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give every file the path that it has in the checkout; the theme's keep theirs."""
    found = [Path("docs", file.src_uri) for file in files if Path(file.src_dir or "") == Path(config.docs_dir)]
    theme = [file for file in files if Path(file.src_dir or "") != Path(config.docs_dir)]
    paths = [*TOP, *(path.as_posix() for path in found)]
    own = [File(path, str(ROOT), config.site_dir, config.use_directory_urls) for path in paths]
    description = Description(yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8")))
    return Files([*own, File.generated(config, API, content=api_page(description)), *theme])


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site whose pages load something from another host.

    :raises PluginError: names the pages and what they load.
    """
    loaded = {
        f"{page.relative_to(config.site_dir)}: {url}"
        for page in Path(config.site_dir).rglob("*.html")
        for url in _LOADED.findall(page.read_text(encoding="utf-8"))
    }
    if loaded:
        raise PluginError("loaded from another host: " + ", ".join(sorted(loaded)))


def _expanded(nav: Any) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(inner) for title, inner in nav.items()}
    if isinstance(nav, list):
        return [_expanded(inner) for inner in nav]
    if not nav.endswith("/"):
        return nav
    # A README is the front door of its folder.
    pages = sorted((ROOT / nav).glob("*.md"), key=lambda page: (page.name != "README.md", page.name))
    return [page.relative_to(ROOT).as_posix() for page in pages]
