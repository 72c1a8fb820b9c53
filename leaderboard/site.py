"""Writing the site's files: pages from templates that escape everything, and data that classic scripts load.

The site opens from a folder, so scripts hand over their data by a call and nothing is fetched.
"""

import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from leaderboard.text import LONGEST, payload, slug, visible

HERE = Path(__file__).parent
REMARK = 60
"""Room for the remark on what was cut."""


def environment() -> Environment:
    r"""Return the templates' environment: every expression is made visible and escaped.

    Examples:
        >>> environment().from_string("<p>{{ a }}</p>").render(a="<script>\u202e")
        '<p>&lt;script&gt;⟨U+202E⟩</p>'
    """
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_shown,
    )
    made.filters["c"] = _coordinate
    made.globals["slug"] = slug
    return made


def _shown(value: Any) -> Any:
    return visible(value, LONGEST + REMARK) if isinstance(value, str) and not isinstance(value, Markup) else value


def _coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


class Site:
    """A folder that pages and data are written to.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = environment()

    def page(self, path: str, template: str, **context: Any) -> None:
        """Write a page; ``root`` in its template leads to the site's first folder."""
        self.write(path, self.render(template, root="../" * path.count("/"), **context))

    def render(self, template: str, **context: Any) -> Markup:
        """Return what a template makes of its context."""
        return Markup(self._environment.get_template(template).render(**context))

    def data(self, path: str, name: str, json: str) -> None:
        """Write data for the scripts of a page: a call that registers it under a name."""
        self.write(path, f"sandglass.register({payload(name)},{json});\n")

    def write(self, path: str, text: str) -> None:
        """Write a text file; what UTF-8 cannot hold has been made visible before."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")

    def static(self) -> None:
        """Copy styles and scripts."""
        shutil.copytree(HERE / "static", self.folder / "static", dirs_exist_ok=True)
