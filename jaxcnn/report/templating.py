"""Loads the HTML templates; values are escaped, and a missing one is an error."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def templates() -> "jinja2.Environment":
    """The Jinja environment of the folder ``templates/``."""
    # Takes a moment to import, which only a report need wait for.
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("jaxcnn.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
