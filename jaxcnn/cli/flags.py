"""How words become a config: tyro, with one sentence where it would print a box."""

import contextlib
import io
import re
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import tyro
from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

from jaxcnn.runs import UserError
from jaxcnn.runs.names import nearest, unknown

Config = TypeVar("Config")

REGISTRY = tyro.constructors.ConstructorRegistry()

_KINDS: dict[Any, tuple[str, str]] = {
    int: ("INT", "a whole number"),
    float: ("FLOAT", "a number"),
    str: ("STR", "text"),
    Path: ("PATH", "a path"),
}


def parse(kind: Any, words: Sequence[str], **options: Any) -> Any:
    """``tyro.cli``, with the words and sentences of this command.

    Args:
        kind: what to make of the words: a dataclass, or a union of them.
        words: of the command line.
        options: more for ``tyro.cli``.

    Raises:
        UserError: if the words do not fit, in one sentence.
        SystemExit: after ``--help``.
    """
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard):
            return tyro.cli(kind, args=words, registry=REGISTRY, **options)
    except SystemExit as stop:
        if not stop.code:
            raise
    raise UserError(one_sentence(heard.getvalue(), lambda: _flags(kind, words, **options)))


def _flags(kind: Any, words: Sequence[str], **options: Any) -> list[str]:
    """The flags of the command that the words begin with, as its help lists them."""
    command = [word for word in words[:1] if not word.startswith("-")]
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, args=[*command, "--help"], registry=REGISTRY, **options)
    lines = re.findall(r"^[│ ] +(--.*)$", text.getvalue(), re.MULTILINE)
    return [flag for line in lines for flag in re.findall(r"(?:^|, )--([\w-]+)", line)]


def one_sentence(box: str, flags: Callable[[], Sequence[str]]) -> str:
    """What tyro's box of an error says, as one sentence.

    Args:
        box: what tyro has printed.
        flags: gives the flags that there are, without their dashes.
    """
    # Where the terminal is not known to show UTF-8, a box is a title and lines of dashes.
    lines = [line.strip("│ ") for line in box.splitlines()[1:] if not line.startswith("╰")]
    parts = re.split(r"^[─-]{3,}$", "\n".join(lines), flags=re.MULTILINE)
    paragraphs = [part for part in parts if part.strip()] or [box]
    said = " ".join(paragraphs[0].split())
    rest = "\n".join(paragraphs[1:])
    if found := re.match(r"Unrecognized (?:or misplaced )?options: (\S+?),?( |$)", said):
        return _unknown_word(found[1], rest, flags)
    if found := re.match(r"Missing value for argument '(.+?)'", said):
        return f"{found[1]}: a value is missing"
    if found := re.match(r"Missing from (.+?): (\S+) (.+?)\.? \(required\)", said):
        return f"{found[1]} needs {found[2]}: {found[3]}"
    return said.removeprefix("Error parsing ").rstrip(".")


def _unknown_word(word: str, rest: str, flags: Callable[[], Sequence[str]]) -> str:
    if found := re.search(r"Available subcommands: (\w+(?:,\s+\w+)*)", rest):
        return unknown("command", word, re.split(r",\s*", found[1].strip()))
    if not word.startswith("-"):
        return f"one word too many: {word!r} (--help says what may come)"
    near = nearest(word.strip("-"), flags())
    hint = f", did you mean --{near}?" if near else ""
    return f"unknown option {word}{hint} (--help lists them)"


@REGISTRY.primitive_rule
def _plain(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """One word for a number, a text, a path or a choice; ``None`` where it may be left out."""
    kind, optional = _optional(info.type)
    found = _word(kind)
    return found and _spec(*found, optional)


@REGISTRY.primitive_rule
def _several(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Any number of such words, for ``tuple[kind, ...]``."""
    kind, optional = _optional(info.type)
    if get_origin(kind) is not tuple or get_args(kind)[1:] != (...,):
        return None
    found = _word(get_args(kind)[0])
    needed = tyro.conf.Positional not in info.markers
    return found and _list_spec(*found, needed, optional)


def _optional(kind: Any) -> tuple[Any, bool]:
    """``int`` and whether it may be left out, of ``int | None``."""
    union = get_origin(kind) in (Union, types.UnionType)
    options = set(get_args(kind)) if union else {kind}
    kinds = options - {type(None)}
    return (kinds.pop() if len(kinds) == 1 else None), type(None) in options


def _word(kind: Any) -> tuple[str, Callable[[str], Any]] | None:
    """What stands for a word in the help, and what it comes to."""
    if get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in get_args(kind)}
        return "{" + ",".join(choices) + "}", _chooser(choices)
    if kind not in _KINDS:
        return None
    metavar, noun = _KINDS[kind]
    return metavar, _converter(kind, noun)


def _list_spec(
    metavar: str, convert: Callable[[str], Any], needed: bool, optional: bool
) -> PrimitiveConstructorSpec[Any]:
    def instance(words: list[str]) -> Any:
        if needed and not words:
            raise ValueError("a value is missing (None is none)")
        if words == ["None"]:
            return None if optional else ()
        return tuple(map(convert, words))

    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"[{metavar} [{metavar} ...]]",
        instance_from_str=instance,
        is_instance=lambda value: True,
        str_from_instance=lambda value: list(map(str, value or ["None"])),
    )


def _spec(
    metavar: str, convert: Callable[[str], Any], optional: bool
) -> PrimitiveConstructorSpec[Any]:
    def instance(words: list[str]) -> Any:
        return None if optional and words[0] == "None" else convert(words[0])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=instance,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
    )


def _converter(kind: Callable[[str], Any], noun: str) -> Callable[[str], Any]:
    def convert(word: str) -> Any:
        try:
            if kind is Path and not word:
                raise ValueError  # it would be the folder one is in
            return kind(word)
        except ValueError:
            raise ValueError(f"expected {noun}, got {word!r}") from None

    return convert


def _chooser(choices: dict[str, Any]) -> Callable[[str], Any]:
    def convert(word: str) -> Any:
        if word not in choices:
            near = nearest(word, choices)
            hint = f", did you mean {near!r}?" if near else ""
            raise ValueError(f"expected one of {', '.join(choices)}, got {word!r}{hint}")
        return choices[word]

    return convert
