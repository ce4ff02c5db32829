"""Parses a command line into a dataclass with tyro, with errors of one sentence."""

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
"""The title of each group in a help page, and its options."""


class _RefusedError(Exception):
    """Carries an error message through tyro, which prints every `ValueError` itself."""


def parse(
    kind: type,
    words: Sequence[str],
    *,
    prog: str | None = None,
    description: str | None = None,
    default: Callable[[], Any] = lambda: None,
    groups: Groups | None = None,
) -> Any:
    """Parse words into an instance of a dataclass; each of its fields is an option.

    Args:
        kind: the dataclass.
        words: the command line after the name of the command.
        prog: the name of the command in its help; by default, that of the running program.
        description: the beginning of the help; by default, the docstring of ``kind``.
        default: returns an instance with the values of the options that the user did not pass.
            It is called after all options in ``words`` were found to exist.
        groups: the groups of the help; an option in none of them comes first.

    Returns:
        An instance of ``kind``.

    Raises:
        UserError: if an option or a value is wrong, in one sentence.
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
        raise UserError(f"unexpected argument {over[0]!r} ({_place(flags)})")
    values = _values(found)
    for flag in flags:
        if values[_field(flag)] is REQUIRED:
            raise UserError(f"{flag.typed} is missing: {_first_sentence(flag.text)}")
    return built(kind, {flag.path: values[_field(flag)] for flag in flags})


def overview(kinds: Mapping[str, type], words: Sequence[str], description: str) -> None:
    """Print the list of commands, or a completion script for a shell.

    Args:
        kinds: the dataclass of each command, by its name.
        words: ``--help``, or an option of tyro.
        description: the text before the list.
    """
    commands: list[Any] = []
    for name, kind in kinds.items():
        first = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
        shown = tyro.conf.subcommand(name, description=first)
        commands.append(Annotated[drawn(kind, flags_of(kind), {}), shown])
    one_of: Any = functools.reduce(operator.or_, commands)
    tyro.cli(one_of, args=words, prog="jaxcnn", description=description)


def drawn(kind: type, flags: Sequence[Flag], groups: Groups, *, asked: bool = True) -> Any:
    """Make a dataclass for tyro, with a field for each group of options in the help.

    Args:
        kind: the dataclass of the command.
        flags: its options.
        groups: the groups of the help.
        asked: whether it is made for the help. Only then tyro is told which options are required,
            since it has an error message of its own for missing ones.
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
    """A hint for a positional argument that is one too many."""
    if any(flag.operand for flag in flags):
        return "--help lists the arguments"
    return "the names of options begin with --; --help lists them"


def _first_sentence(text: str) -> str:
    """The first sentence of a description as the end of another one, without its full stop."""
    first = text.partition(". ")[0].rstrip(".")
    return f"{first[:1].lower()}{first[1:]}"


def _field(flag: Flag) -> str:
    """The name of an option's field in the dataclass for tyro."""
    return "__".join(flag.path)


def _values(found: Any) -> dict[str, Any]:
    """The values of a dataclass and its nested dataclasses, by field name."""
    values: dict[str, Any] = {}
    for name, value in vars(found).items():
        values |= _values(value) if dataclasses.is_dataclass(value) else {name: value}
    return values


def _annotated(flag: Flag) -> Any:
    """The annotated type of an option, with what tyro needs for the help."""
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
    """The function that tyro calls to convert the words of an option to its value."""
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
