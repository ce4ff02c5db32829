"""What may become of a valid file: bytes changed at random, or values of other kinds put in."""

import copy
import json

from hypothesis import strategies as st

_PIECES = (
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 2000, b"1" * 5000, b"9" * 4000, b"1e999", b"NaN"),
    *(b"-1", b"null", b"true", b'"', b"\\", b"\n", b"\xff", b"\0", b"\x1b[2J", b"a." * 5000),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"),
)

VALUES = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 10**12, 2**63, -(10**400), float("nan"), float("inf")),
        *("", "x", "\x1b[2J\n", "\0", "../../x", [], {}, [[]], [None] * 50, {"": 1}),
        *("a" * 3000, "a" * 20_000),
        *([1, 2, 3], ["a"], {"a": {"a": {}}}, {"min": 1}, [{}], [1.5, "x"]),
    ]
).map(copy.deepcopy)
"""Values that may stand where they are not meant."""


@st.composite
def changed(draw, content: bytes):
    """``content`` with a few of its bytes changed, or only some of it, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = min(start + draw(st.sampled_from([0, 0, 1, 1, 2, 8, 100])), len(content))
        piece = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=4)))
        content = content[:start] + piece + content[stop:]
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@st.composite
def replaced(draw, value):
    """``value``, of JSON, with some of its parts missing, more, or of another kind."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        holder = _part(draw, value)
        if holder is None:
            return draw(VALUES)
        key = draw(st.sampled_from(_keys(holder)))
        match draw(st.sampled_from(["change", "change", "change", "remove", "add"])):
            case "change":
                holder[key] = draw(VALUES)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["x", "", "\x1b", "type", "epoch"]))] = draw(VALUES)
            case "add":
                holder.append(draw(VALUES))
    return value


def documents(value):
    """The bytes of a JSON file that once held ``value``."""
    text = json.dumps(value).encode()
    return st.one_of(changed(text), replaced(value).map(lambda other: _dumped(other).encode()))


def _dumped(value) -> str:
    return json.dumps(value).replace(str(-(10**400)), "1" + "0" * 400)


def _keys(holder) -> list:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _part(draw, value):
    """A list or a table somewhere in ``value`` that has something in it."""
    holder = None
    while isinstance(value, dict | list) and value:
        holder, value = value, value[draw(st.sampled_from(_keys(value)))]
        if draw(st.integers(0, 3)) == 0:
            break
    return holder
