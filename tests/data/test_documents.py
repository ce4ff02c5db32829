"""JSON and TOML that nobody meant."""

import json
import os

import pytest

from jaxcnn.data import schema
from jaxcnn.data.documents import parse_json, parse_toml, read_json
from jaxcnn.errors import UserError
from tests.patience import within

DEEP = "it is nested more than {} deep"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, DEEP.format(40)),
        ('{"a":' * 100_000, DEEP.format(40)),
        ("[" * 41 + "]" * 41, DEEP.format(40)),
        ("1" * 5000, "a number of it has 5,000 digits, expected fewer"),
        ("0." + "1" * 4998, "a number of it has 5,000 digits, expected fewer"),
        ("-" + "1" * 4000, "a number of it has 4,001 digits, expected fewer"),
        ("1e999", "the number '1e999' is beyond the range of floats"),
        ("[NaN]", "NaN is no number in JSON"),
        ("-Infinity", "-Infinity is no number in JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice"),
        ("", r"Expecting value: line 1 column 1 \(char 0\)"),
        ('"\\' + "\\" * 99_999, "Unterminated string .+"),
    ],
)
def test_json_is_refused_at_once(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"), within(5):
        parse_json(text)


def test_json_that_is_meant():
    deep = "[" * 40 + '"[[[[[[[[[\\"[[[["' + "]" * 40
    assert json.loads(deep) == parse_json(deep)
    assert parse_json('{"[": "]", "{": 1e300}') == {"[": "]", "{": 1e300}
    assert parse_json("[NaN, Infinity]", nonfinite=True)[1] == float("inf")
    assert parse_json('"\\ud800"') == "\ud800"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=" + "[" * 10_000, DEEP.format(12)),
        ("a=" + "{a=" * 10_000, DEEP.format(12)),
        ("a" + ".a" * 10_000 + "=1", "a key of it has more than 12 parts"),
        ("[a" + " . a" * 10_000 + "]", "a key of it has more than 12 parts"),
        ('"a"' + ".'a'" * 10_000 + "=1", "a key of it has more than 12 parts"),
        ('a={b="""x"""", c' + ".c" * 10_000 + "=1}", "a key of it has more than 12 parts"),
        ("a={b='''x''''', c" + ".c" * 10_000 + "=1}", "a key of it has more than 12 parts"),
        ("a=" + "1" * 5000, "a number of it has more than 1,000 digits"),
        ("a=0x" + "f" * 1001, "a number of it has more than 1,000 digits"),
        ("a=" + "1_" * 5000 + "1", "a number of it has more than 1,000 digits"),
        ("a=", "Invalid value .+"),
    ],
)
def test_toml_is_refused_at_once(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"), within(5):
        parse_toml(text)


def test_toml_that_is_meant():
    dots = "." * 99
    text = f"""
    a.b.c.d = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
    # {dots} {"[" * 99} {"1" * 999}
    path = "{dots}{"[" * 99}{"1" * 999}"
    'other' = '{dots}{"{" * 99}'
    long = '''{dots}
    {"[" * 99}'''
    """
    values = parse_toml(text)
    assert values["a"]["b"]["c"]["d"][12] == 1.3
    assert values["path"] == f"{dots}{'[' * 99}{'1' * 999}"


KIND = schema.Table(
    {
        "epoch": schema.Whole(1, 1000),
        "loss": schema.Number(),
        "names": schema.ListOf(schema.Text(5), 1, 3),
    },
    {
        "any": schema.Anything(),
        "best": schema.Nullable(schema.Number(nonfinite=True)),
        "by": schema.OneOf(("loss", 1, True)),
        "file": schema.FileName(),
        "three": schema.ListOf(schema.WholeOrText(-1, 9), 3, 3),
        "values": schema.TableOf(schema.Number(null=True), most=2),
    },
)
GOOD = {
    "epoch": 1, "loss": 2, "names": ["a"], "any": [{}], "best": None, "by": True, "file": "x.txt",
    "three": [1, "2", "-1"], "values": {"a": None, "b": 0.5},
}  # fmt: skip


def test_what_is_of_a_kind_is_accepted():
    KIND.check(GOOD, "")
    KIND.check({key: GOOD[key] for key in ("epoch", "loss", "names")}, "")
    schema.Table({}, others=schema.Whole()).check({"more": 1}, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": "x"}, "epoch must be a whole number from 1 to 1,000, got 'x'"),
        ({"epoch": True}, "epoch must be a whole number from 1 to 1,000, got True"),
        ({"epoch": 1.0}, "epoch must be a whole number from 1 to 1,000, got 1.0"),
        ({"epoch": 10**12}, "epoch must be a whole number from 1 to 1,000, got 1000000000000"),
        ({"loss": None}, "loss must be a number, got None"),
        ({"loss": True}, "loss must be a number, got True"),
        ({"loss": 10**400}, r"loss must be a number, got 10+\.\.\.0+"),
        ({"loss": float("nan")}, "loss must be a number, got nan"),
        ({"best": "x"}, "best must be a number, got 'x'"),
        ({"names": []}, r"names must be a list of 1 to 3 values, got \[\]"),
        ({"names": "abc"}, "names must be a list of 1 to 3 values, got 'abc'"),
        ({"names": ["abcdef"]}, r"names\[0\] must be text of at most 5 characters, got 'abcdef'"),
        ({"by": 1.0}, "by must be one of loss, 1, True, got 1.0"),
        ({"file": "a/b"}, "file must be a short name without slashes, got 'a/b'"),
        ({"file": ".."}, r"file must be a short name without slashes, got '\.\.'"),
        ({"three": [1]}, r"three must be a list of 3 values, got \[1\]"),
        ({"three": [1, 2, "10"]}, r"three\[2\] must be a whole number from -1 to 9, got 10"),
        ({"three": [1, 2, "x"]}, r"three\[2\] must be a whole number from -1 to 9, got 'x'"),
        ({"values": {"a": "x"}}, r"values\.a must be a number, got 'x'"),
        ({"values": {"a": 1, "b": 1, "c": 1}}, r"values must be a table of at most 2 values, got .+"),
        ({"values": []}, r"values must be a table of at most 2 values, got \[\]"),
        ({"zzz": 1}, "zzz is unknown"),
        ({"z" * 1000: 1}, "z{57}[.]{3} is unknown"),
    ],
)  # fmt: skip
def test_what_is_of_no_kind_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        KIND.check(GOOD | change, "")


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match=r"^a\.epoch is missing$"):
        KIND.check({key: value for key, value in GOOD.items() if key != "epoch"}, "a")
    with pytest.raises(ValueError, match=r"^it must be a table, got \[\]$"):
        KIND.check([], "")


def test_a_file_of_json(tmp_path):
    path = tmp_path / "x\x1b.json"
    name = str(path).replace("\x1b", "\\x1b")
    for content, message in (
        (b'{"a": 3}', f"{name} is damaged: a must be a whole number from 0 to 2, got 3"),
        (b"\xff", f"{name} is damaged: it is no text, byte 0 is not UTF-8"),
        (b"{", f"{name} is damaged: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b" " * 101, f"{name} cannot be read: it has 101 bytes, expected at most 100"),
        (None, f"{name} cannot be read: No such file or directory"),
    ):  # fmt: skip
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            read_json(path, schema.Table({"a": schema.Whole(0, 2)}), most=100)
        assert str(caught.value) == message
    os.mkfifo(path)
    with (
        pytest.raises(UserError, match="cannot be read: it is a named pipe, expected a file"),
        within(5),
    ):
        read_json(path, schema.Anything())
