"""The one error of this room, and how a name comes into its sentence."""

import os


class DataError(ValueError):
    """A data set that cannot be had, in one sentence meant for the person who asked for it."""


def shown(name: str | os.PathLike[str]) -> str:
    r"""A file's name as a sentence can hold it: on one line, and printable on every terminal.

    Names may hold line breaks, control characters, and bytes that are no UTF-8.

    >>> from jaxcnn.data.errors import shown
    >>> shown("cats\n\udcff/Grüße 1.png")
    'cats\\n\\udcff/Grüße 1.png'
    """
    text = os.fspath(name)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
