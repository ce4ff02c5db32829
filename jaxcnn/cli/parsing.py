"""Parses a command line into a dataclass, with errors of one sentence."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxcnn.cli.flags import REQUIRED, FieldPath, Flag, UnknownFlagError, built, flags_of, is_flag
from jaxcnn.cli.help import HELP, Groups, show_help
from jaxcnn.runs import UserError
from jaxcnn.runs.kinds import from_words, shape_of

Values = dict[FieldPath, Any]
"""The values of some options, by their paths."""

Told = bool | Sequence[str]
"""What the user says of an option: its words; of one without a value, whether it is on."""


def parse(
    kind: type,
    words: Sequence[str],
    *,
    prog: str | None = None,
    description: str | None = None,
    default: Callable[[Values], Any] = lambda given: None,
    groups: Groups | None = None,
) -> Any:
    """Parse words into an instance of a dataclass; each of its fields is an option.

    Args:
        kind: the dataclass.
        words: the command line after the name of the command.
        prog: the name of the command in its help; by default, that of the running program.
        description: the beginning of the help; by default, the docstring of ``kind``.
        default: from the values of the options that the user passed, an instance with those of
            all others.
        groups: the groups of the help; an option in none of them comes first.

    Returns:
        An instance of ``kind``.

    Raises:
        UserError: if an option or a value is wrong, in one sentence.
        SystemExit: after ``--help``.
    """
    flags = flags_of(kind)
    asked = any(word in HELP for word in words)
    values = _beside_help(flags, words) if asked else _values(flags, words)
    base = default(values)
    if base is not None:
        flags = [
            flag._replace(default=functools.reduce(getattr, flag.path, base)) for flag in flags
        ]
    if asked:
        show_help(kind, flags, groups or {}, prog=prog, description=description)
    for flag in flags:
        if values.setdefault(flag.path, flag.default) is REQUIRED:
            raise UserError(f"{flag.typed} is missing: {flag.first_sentence}")
    return built(kind, values)


def _beside_help(flags: Sequence[Flag], words: Sequence[str]) -> Values:
    """The values of the options where the help is asked for, which mistakes do not prevent."""
    try:
        return _values(flags, [word for word in words if word not in HELP])
    except UserError:
        return {}


def _values(flags: Sequence[Flag], words: Sequence[str]) -> Values:
    """The values of the options and positional arguments that are among the words."""
    known = {flag.name: flag for flag in flags if not flag.operand}
    end = words.index("--") if "--" in words else len(words)
    phrases: list[list[str]] = [[]]
    for word in words[:end]:
        if is_flag(word):
            phrases.append([])
        phrases[-1].append(word)
    operands, *options = phrases
    told: dict[Flag, Told] = {}
    for word, *after in options:
        flag, its, over = _option(word, after, known)
        told[flag] = its
        operands += over
    operands += words[end + 1 :]
    values = {flag.path: _value(flag, its) for flag, its in told.items()}
    return values | _operands(flags, operands) if operands else values


def _value(flag: Flag, told: Told) -> Any:
    return told if isinstance(told, bool) else from_words(told, flag.hint, flag.typed)


def _option(
    word: str, after: Sequence[str], known: Mapping[str, Flag]
) -> tuple[Flag, Told, Sequence[str]]:
    """An option, what is told of it, and those of the words behind it that do not belong to it."""
    typed, joined, value = word.partition("=")
    flag, on = _named(typed, known)
    if flag.hint is bool:
        if joined:
            raise UserError(f"{typed} takes no value, got {value!r}")
        return flag, on, after
    several = shape_of(flag.hint).several
    own = [value, *after] if joined else after
    if not own:
        none = " (None stands for no value)" if several and flag.default in (None, ()) else ""
        raise UserError(f"{flag.typed}: a value is missing{none}")
    count = len(own) if several else 1
    return flag, own[:count], own[count:]


def _named(typed: str, known: Mapping[str, Flag]) -> tuple[Flag, bool]:
    """The option that is typed, and whether it is typed without a ``no-`` before its name."""
    name = typed.lstrip("-").replace("_", "-")
    positive = name.removeprefix("no-")
    if typed.startswith("--") and name in known:
        return known[name], True
    if typed.startswith("--") and positive in known and known[positive].hint is bool:
        return known[positive], False
    switches = {f"no-{other}" for other, flag in known.items() if flag.hint is bool}
    raise UnknownFlagError(typed, known.keys() | switches)


def _operands(flags: Sequence[Flag], words: Sequence[str]) -> Values:
    """The values of the positional arguments: of one word each, or of all that are left."""
    values: Values = {}
    places = [flag for flag in flags if flag.operand]
    for flag in places:
        count = len(words) if shape_of(flag.hint).several else 1
        own, words = words[:count], words[count:]
        if own:
            values[flag.path] = _value(flag, own)
    if words:
        hint = "--help lists the arguments"
        if not places:
            hint = "the names of options begin with --; --help lists them"
        raise UserError(f"unexpected argument {words[0]!r} ({hint})")
    return values
