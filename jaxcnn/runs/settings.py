"""Settings from files: a TOML file, or the ``config.json`` of another run."""

import dataclasses
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from jaxcnn.data.documents import LARGEST_TOML, parse_toml
from jaxcnn.errors import UserError
from jaxcnn.names import unknown
from jaxcnn.reading import read_text, reason
from jaxcnn.runs.kinds import converted

Config = TypeVar("Config")

FLAGS_ONLY = frozenset({"overwrite", "resume", "accept_engine"})
"""How a folder is opened is said on the command line, each time anew."""


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        UserError: if it cannot be read, or is not TOML.
    """
    try:
        return parse_toml(read_text(path, LARGEST_TOML))
    except FileNotFoundError:
        raise UserError(f"--config {path} does not exist") from None
    except OSError as error:
        raise UserError(f"--config {path} cannot be read: {reason(error)}") from None
    except ValueError as error:  # not TOML, or not even text
        raise UserError(f"--config {path} is no TOML file: {error}") from None


def with_values(base: Config, values: Mapping[str, Any], where: str) -> Config:
    """``base`` with the values of a file.

    Args:
        base: a frozen dataclass.
        values: by the names of its fields; ``-`` may stand for ``_``. The fields of a part that
            is a dataclass itself come as a table, or beside the others, as flags do. Where
            several values may come, one need not be in a list.
        where: begins the sentence of an error: the file.

    Raises:
        UserError: if a key is unknown (with the nearest known one) or given twice, or a value is
            of another type than its field.

    >>> from jaxcnn.runs import TrainConfig
    >>> with_values(TrainConfig(), {"lr": 1, "batch-size": 32}, "my.toml").lr
    1.0
    """
    hints = get_type_hints(type(base))
    parts = _parts(base)
    inside = {field: name for name, part in parts.items() for field in get_type_hints(type(part))}
    known = (hints.keys() | inside.keys()) - FLAGS_ONLY
    changes: dict[str, Any] = {}
    given: set[str] = set()
    for key, value in values.items():
        name, here = _known_name(key, known, where), f"{where}: {key!r}"
        if name not in hints:
            name, value, here = inside[name], {key: value}, where
        table = name in parts and isinstance(value, dict)
        _check_once(value if table else (key,), given, where)
        if table:
            changes[name] = with_values(changes.get(name, parts[name]), value, here)
        else:
            changes[name] = converted(value, hints[name], here)
    return dataclasses.replace(base, **changes)  # type: ignore[type-var]


def _known_name(key: str, known: Set[str], where: str) -> str:
    """The field that a key of a file stands for."""
    name = key.replace("-", "_")
    if name in FLAGS_ONLY:
        raise UserError(f"{where}: {key!r} is a flag of the command line only")
    if name not in known:
        raise UserError(f"{where}: {unknown('key', key, known)}")
    return name


def _check_once(keys: Iterable[str], given: set[str], where: str) -> None:
    """Refuse a key that was there before, in its other spelling or in the table of its part."""
    for key in keys:
        name = key.replace("-", "_")
        if name in given:
            raise UserError(f"{where}: {key!r} is given twice")
        given.add(name)


def _parts(base: Any) -> dict[str, Any]:
    """The fields of a dataclass that are dataclasses, too."""
    found = {name: getattr(base, name) for name in get_type_hints(type(base))}
    return {name: part for name, part in found.items() if dataclasses.is_dataclass(part)}
