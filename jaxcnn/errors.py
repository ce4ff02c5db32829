"""The error that tells a user what to mend, and text from files made safe to print."""

import os
import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlist, _SHORT.maxdict, _SHORT.maxlevel = 4, 3, 2


def shown(name: str | os.PathLike[str]) -> str:
    r"""Text from a file, made safe to print on one line of a terminal.

    Names may hold line breaks, escape sequences that command a terminal, characters that turn
    the direction of writing, and bytes that are not UTF-8. Each becomes a visible escape.

    Args:
        name: text, or a path.

    Returns:
        The same text, with each unprintable character escaped as Python writes it.

    >>> from jaxcnn.errors import shown
    >>> shown("cats\n\udcff/Grüße 1.png")
    'cats\\n\\udcff/Grüße 1.png'
    """
    text = os.fspath(name)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def brief(value: Any) -> str:
    """A value from a file, shortened to about 60 characters for an error message.

    >>> from jaxcnn.errors import brief
    >>> len(brief("a" * 1000))
    60
    """
    return _SHORT.repr(value)


class UserError(ValueError):
    r"""An error that the user can mend, described in one sentence that is safe to print.

    Args:
        sentence: names what is wrong, what was expected and what came. Characters that could
            command a terminal are escaped, since paths and names come from strangers' files.

    >>> from jaxcnn.errors import UserError
    >>> str(UserError("runs/\x1b[2J holds no run"))
    'runs/\\x1b[2J holds no run'
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(shown(sentence))
