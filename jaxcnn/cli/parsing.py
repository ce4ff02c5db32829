"""Turns the words of a command line into its dataclass, by tyro; a mistake is one sentence."""

import dataclasses
import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from jaxcnn.cli.flags import REQUIRED, Flag, built, check_words, flags_of
from jaxcnn.runs import UserError
from jaxcnn.runs.kinds import from_words, kind_of, shape_of

HELP = ("-h", "--help")

Groups = Mapping[str, Sequence[str]]
"""The titles of a help page's groups, and the flags in each of them."""


class _RefusedError(Exception):
    """Carries a sentence through tyro, which prints a box for every `ValueError`."""


def parse(
    kind: type,
    words: Sequence[str],
    *,
    prog: str | None = None,
    description: str | None = None,
    default: Callable[[], Any] = lambda: None,
    groups: Groups | None = None,
) -> Any:
    """The instance of a dataclass that words ask for; each of its fields is a flag.

    Args:
        kind: the dataclass.
        words: after the name of the command.
        prog: the command, for its help; left out, the program that runs.
        description: begins the help; left out, the docstring of ``kind``.
        default: gives an instance with the values of the flags that are not given. It is called
            when all flags in the words are known to exist.
        groups: the groups of the help; a flag that is in none stands before them.

    Returns:
        An instance of ``kind``.

    Raises:
        UserError: if the words do not fit, in one sentence.
        SystemExit: after ``--help``.
    """
    asked = any(word in HELP for word in words)
    if not asked:
        check_words(flags_of(kind), words)
    flags = flags_of(kind, default())
    try:
        found, over = tyro.cli(
            drawn(kind, flags, groups or {}, asked=asked),
            args=["--help"] if asked else list(words),
            prog=prog,
            description=description,
            return_unknown_args=True,
        )
    except _RefusedError as refused:
        raise UserError(str(refused)) from None
    if over:
        raise UserError(f"one word too many: {over[0]!r} ({_place(flags)})")
    values = _values(found)
    for flag in flags:
        if values[_field(flag)] is REQUIRED:
            raise UserError(f"{flag.typed} is missing: {_first_sentence(flag.text)}")
    return built(kind, {flag.path: values[_field(flag)] for flag in flags})


def overview(kinds: Mapping[str, type], words: Sequence[str], description: str) -> None:
    """Print the list of commands, or what else tyro makes of them: completion of a shell.

    Args:
        kinds: the dataclass of each command, by its name.
        words: ``--help``, or a flag of tyro.
        description: begins the list.
    """
    commands: list[Any] = []
    for name, kind in kinds.items():
        first = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
        shown = tyro.conf.subcommand(name, description=first)
        commands.append(Annotated[drawn(kind, flags_of(kind), {}), shown])
    one_of: Any = functools.reduce(operator.or_, commands)
    tyro.cli(one_of, args=words, prog="jaxcnn", description=description)


def drawn(kind: type, flags: Sequence[Flag], groups: Groups, *, asked: bool = True) -> Any:
    """A dataclass that tyro reads the flags from, with a part for each group of the help.

    Args:
        kind: the dataclass of the command.
        flags: its flags.
        groups: the groups of the help.
        asked: whether it is for the help: tyro then knows which flags must be given. It would
            print a box about one that is missing.
    """
    fields: dict[str, list[Any]] = {group: [] for group in ("", *groups)}
    for flag in flags:
        group = next((group for group, names in groups.items() if flag.name in names), "")
        default = _default(flag, asked=asked)
        fields[group].append((_field(flag), _annotated(flag), default))
    own = fields.pop("")
    parts = {
        group: dataclasses.make_dataclass(group, inside, namespace={"__doc__": ""}, kw_only=True)
        for group, inside in fields.items()
        if inside
    }
    own += [(name, part, dataclasses.field(default_factory=part)) for name, part in parts.items()]
    names = {"__doc__": kind.__doc__}
    return dataclasses.make_dataclass(kind.__name__, own, namespace=names, kw_only=True)


def _default(flag: Flag, *, asked: bool) -> Any:
    if asked and flag.default is REQUIRED:
        return dataclasses.field()
    return dataclasses.field(default=flag.default)


def _place(flags: Sequence[Flag]) -> str:
    """Where a word belongs that was given by its place."""
    if any(flag.operand for flag in flags):
        return "--help says what may come"
    return "a value follows its flag; --help lists them"


def _first_sentence(text: str) -> str:
    """``The run folder.`` as the end of another sentence."""
    first = text.partition(". ")[0].rstrip(".")
    return f"{first[:1].lower()}{first[1:]}"


def _field(flag: Flag) -> str:
    """The name of the field that tyro fills for a flag."""
    return "__".join(flag.path)


def _values(found: Any) -> dict[str, Any]:
    """The values of a dataclass and of its parts, by the names of the fields."""
    values: dict[str, Any] = {}
    for name, value in vars(found).items():
        values |= _values(value) if dataclasses.is_dataclass(value) else {name: value}
    return values


def _annotated(flag: Flag) -> Any:
    """The type of a flag with all that tyro shows of it."""
    text, _, usual = flag.text.rstrip(".").partition("; left out, ")
    unset = "(required)" if flag.default is REQUIRED else None
    if flag.default in (None, ()):
        unset = f"(default: {usual or 'none'})"
    shown = tyro.conf.arg(
        name=flag.name, help=f"{text}.", help_behavior_hint=unset, prefix_name=False
    )
    if flag.hint is bool:
        return Annotated[bool, shown]
    place = (tyro.conf.Positional,) if flag.operand else ()
    return Annotated[(Any, shown, _spec(flag), *place)]


def _spec(flag: Flag) -> PrimitiveConstructorSpec[Any]:
    """How tyro makes a value of a flag's words."""
    shape = shape_of(flag.hint)
    word = flag.name if flag.operand else kind_of(shape.hint).metavar
    several = f"{word} [{word} ...]" if flag.operand else f"[{word} [{word} ...]]"

    def value(words: list[str]) -> Any:
        try:
            return from_words(words, flag.hint, flag.typed)
        except UserError as error:
            raise _RefusedError(str(error)) from None

    return PrimitiveConstructorSpec(
        nargs="*" if shape.several else 1,
        metavar=several if shape.several else word,
        instance_from_str=value,
        is_instance=lambda value: True,
        str_from_instance=lambda value: list(map(str, (value or ()) if shape.several else [value])),
    )
