"""Error messages about unknown names, which suggest the most similar known name."""

import difflib
from collections.abc import Iterable

from jaxcnn.errors import brief

MANY = 12
"""Up to this many known names are all listed; of more, only the most similar ones."""

_LONGEST = 100
"""For a longer name no similar one is searched: none exists, and the search would take long."""

_OTHERWISE = {"learning_rate": "lr", "device": "platform"}
"""Names that other libraries use, and ours, where the spelling is too different to be found."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to ``name``, or ``None`` if none is similar.

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
    """The end of an error message that suggests a similar known name, or an empty text.

    >>> did_you_mean("epohcs", ["epochs", "seed"], dashes="--")
    ', did you mean --epochs?'
    """
    near = nearest(name, known)
    if near is None:
        return ""
    return f", did you mean {dashes}{near}?" if dashes else f", did you mean {near!r}?"


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The error message for a name that is not among ``known``, with the most similar one.

    >>> unknown("model", "lenett", ["lenet", "resnet"])
    "unknown model 'lenett', did you mean 'lenet'? (known: lenet, resnet)"
    """
    names = sorted(known)
    hint, said = did_you_mean(name, names), brief(name)
    if len(names) <= MANY:
        return f"unknown {kind} {said}{hint} (known: {', '.join(names)})"
    if hint:
        return f"unknown {kind} {said}{hint}"
    some = difflib.get_close_matches(name[:_LONGEST], names, n=3, cutoff=0)
    return f"unknown {kind} {said} (the nearest known: {', '.join(some)})"
