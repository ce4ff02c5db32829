"""The help of a command, and the list of commands, as tyro prints them."""

import dataclasses
import functools
import inspect
import operator
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from jaxcnn.cli.flags import REQUIRED, Flag, flags_of
from jaxcnn.runs.kinds import kind_of, shape_of

HELP = ("-h", "--help")

Groups = Mapping[str, Sequence[str]]
"""The title of each group in a help page, and its options."""


def show_help(
    kind: type,
    flags: Sequence[Flag],
    groups: Groups,
    *,
    prog: str | None = None,
    description: str | None = None,
) -> NoReturn:
    """Print the help of a command, and end the program.

    Args:
        kind: the dataclass of the command.
        flags: its options.
        groups: the groups of the help; an option in none of them comes first.
        prog: the name of the command; by default, that of the running program.
        description: the beginning of the help; by default, the docstring of ``kind``.

    Raises:
        SystemExit: always.
    """
    shown = drawn(kind, flags, groups)
    tyro.cli(shown, args=["--help"], prog=prog, description=description)
    raise SystemExit


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


def drawn(kind: type, flags: Sequence[Flag], groups: Groups) -> Any:
    """Make a dataclass for tyro, with a field for each group of options in the help.

    Args:
        kind: the dataclass of the command.
        flags: its options.
        groups: the groups of the help.
    """
    fields: dict[str, list[Any]] = {group: [] for group in ("", *groups)}
    for flag in flags:
        group = next((group for group, names in groups.items() if flag.name in names), "")
        default = {} if flag.default is REQUIRED else {"default": flag.default}
        field = "__".join(flag.path), _annotated(flag), dataclasses.field(**default)
        fields[group].append(field)
    own = fields.pop("")
    parts = {
        group: dataclasses.make_dataclass(group, inside, namespace={"__doc__": ""}, kw_only=True)
        for group, inside in fields.items()
        if inside
    }
    own += [(name, part, dataclasses.field(default_factory=part)) for name, part in parts.items()]
    names = {"__doc__": kind.__doc__}
    return dataclasses.make_dataclass(kind.__name__, own, namespace=names, kw_only=True)


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
    """How the values of an option are shown."""
    shape = shape_of(flag.hint)
    word = flag.name if flag.operand else kind_of(shape.hint).metavar
    several = f"{word} [{word} ...]" if flag.operand else f"[{word} [{word} ...]]"
    return PrimitiveConstructorSpec(
        nargs="*" if shape.several else 1,
        metavar=several if shape.several else word,
        instance_from_str=lambda words: words,
        is_instance=lambda value: True,
        str_from_instance=lambda value: list(map(str, (value or ()) if shape.several else [value])),
    )
