"""Names that are not known, and which known one may have been meant."""

import difflib
from collections.abc import Iterable

from jaxcnn.data.schema import brief

MANY = 12
"""From so many known names on, the nearest ones are told instead of all."""

_LONGEST = 100
"""To a longer name no known one is near, and looking for one would take long."""

_OTHERWISE = {"learning_rate": "lr", "device": "platform"}
"""What others call it, where the letters have too little in common."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``; ``None`` where none is.

    >>> nearest("epohcs", ["epochs", "seed"])
    'epochs'
    """
    if len(name) > _LONGEST:
        return None
    names = sorted(known)
    other = _OTHERWISE.get(name.replace("-", "_"))
    if other in names:
        return other
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)


def did_you_mean(name: str, known: Iterable[str], dashes: str = "") -> str:
    """The end of a sentence about a name that is not known; empty where none is like it.

    >>> did_you_mean("epohcs", ["epochs", "seed"], dashes="--")
    ', did you mean --epochs?'
    """
    near = nearest(name, known)
    if near is None:
        return ""
    return f", did you mean {dashes}{near}?" if dashes else f", did you mean {near!r}?"


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not among ``known``, with the nearest one."""
    names = sorted(known)
    hint, said = did_you_mean(name, names), brief(name)
    if len(names) <= MANY:
        return f"unknown {kind} {said}{hint} (known: {', '.join(names)})"
    if hint:
        return f"unknown {kind} {said}{hint}"
    some = difflib.get_close_matches(name[:_LONGEST], names, n=3, cutoff=0)
    return f"unknown {kind} {said} (the nearest known: {', '.join(some)})"
