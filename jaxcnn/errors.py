"""The error for mistakes that a user can mend, and how names from files are printed safely."""

import os


def shown(name: str | os.PathLike[str]) -> str:
    r"""Text from a stranger, printable on one line of every terminal.

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


class UserError(ValueError):
    r"""A mistake that a user can mend, said in one sentence that is safe to print.

    Args:
        sentence: names what is wrong, what was expected and what came. Characters that could
            command a terminal are escaped, since paths and names come from strangers' files.

    >>> from jaxcnn.errors import UserError
    >>> str(UserError("runs/\x1b[2J holds no run"))
    'runs/\\x1b[2J holds no run'
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(shown(sentence))
