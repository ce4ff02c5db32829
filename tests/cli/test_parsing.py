"""The flags of the commands: their help, their groups, and how words become settings."""

import dataclasses
import re
from typing import Annotated

import pytest

from jaxcnn.cli import COMMANDS, main, read
from jaxcnn.cli.flags import Named, Operand, flags_of
from jaxcnn.cli.groups import GROUPS
from jaxcnn.cli.parsing import parse
from jaxcnn.cli.sweep import SweepCommand
from jaxcnn.cli.train import TrainCommand
from jaxcnn.runs import TrainConfig, UserError
from jaxcnn.runs.plan import SweepConfig


@pytest.fixture
def page(capsys, monkeypatch):
    """The help that words print, without its boxes, which stand side by side in a wide terminal."""
    monkeypatch.setenv("COLUMNS", "100")

    def page(*words):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 0
        said = capsys.readouterr()
        assert said.err == ""
        return " ".join(re.sub("[│╭╮╰╯─]", " ", said.out).split())

    return page


def test_the_command_alone_shows_its_help(page):
    text = page()
    assert text == page("--help")
    for name in COMMANDS:
        assert f"• {name} " in text


@pytest.mark.parametrize("command", [TrainCommand, SweepCommand])
def test_every_flag_of_a_run_is_in_one_group(command):
    grouped = [name for names in GROUPS.values() for name in names]
    assert len(set(grouped)) == len(grouped)
    assert {flag.name for flag in flags_of(command)} <= set(grouped)


def test_every_name_in_a_group_is_a_flag():
    flags = {flag.name for kind in (TrainCommand, SweepCommand) for flag in flags_of(kind)}
    assert {name for names in GROUPS.values() for name in names} == flags | {"seeds"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_says_what_it_does(name):
    assert [flag.typed for flag in flags_of(COMMANDS[name].kind) if len(flag.text) < 10] == []


def test_help_is_grouped_and_tells_the_real_defaults(page):
    text = page("train", "--help")
    places = [text.index(f" {title} options ") for title in GROUPS]
    assert places == sorted(places)
    assert places[2] < text.index("--lr FLOAT") < places[3]
    assert "Passes over the training set. (default: 30 for digits, 10 for other sets)" in text
    assert "--momentum FLOAT Momentum of the momentum optimizer. (default: 0.9)" in text
    assert "left out" not in text
    assert "None" not in text


def test_the_help_of_a_sweep_has_its_own_flags(page):
    text = page("sweep", "--help")
    assert "Learning rates. (default: the optimizer's usual one)" in text
    assert "--seeds INT" in text


def test_what_must_be_given_is_said_in_the_help(page):
    text = page("export", "--help")
    assert "export [-h] [OPTIONS] RUN" in text
    assert "RUN The run folder. (required)" in text


def test_help_is_shown_whatever_the_other_words_are(page):
    assert page("train", "--epohcs", "3", "--lr", "--help") == page("train", "--help")


def test_defaults_are_those_of_the_config():
    assert read(["train"]).config == TrainConfig()
    assert read(["sweep"]).config == SweepConfig()


@dataclasses.dataclass(frozen=True)
class Inner:
    """A part.

    Attributes:
        size: How large it is; left out, 3.
    """

    size: int | None = None


@dataclasses.dataclass(frozen=True)
class Outer:
    """A command.

    Attributes:
        name: What it is called.
        inner: A part.
        other: What else there is.
        numbers: Some numbers.
    """

    name: Annotated[str, Operand("NAME")]
    inner: Inner = dataclasses.field(default_factory=Inner)
    other: Annotated[bool, Named("more")] = False
    numbers: tuple[float, ...] = ()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("a", Outer("a")),
        ("--size 4 a", Outer("a", Inner(4))),
        ("a --size=4", Outer("a", Inner(4))),
        ("a --size 4 --size None", Outer("a")),
        ("a --more", Outer("a", other=True)),
        ("a --more --no-more", Outer("a")),
        ("a --numbers -1 -inf 1e3", Outer("a", numbers=(-1.0, float("-inf"), 1000.0))),
        ("--more a", Outer("a", other=True)),
        ("a --numbers=1 2", Outer("a", numbers=(1.0, 2.0))),
        ("--size=1 a", Outer("a", Inner(1))),
        ("--numbers 1 2 -- a", Outer("a", numbers=(1.0, 2.0))),
        ("a --numbers 1 --numbers 2 3", Outer("a", numbers=(2.0, 3.0))),
        ("a --numbers None", Outer("a")),
        ("-- --size", Outer("--size")),
    ],
)
def test_words_become_the_dataclass(words, wanted):
    assert parse(Outer, words.split(), prog="x") == wanted


def test_defaults_may_be_of_an_instance():
    kept = Outer("b", Inner(5), True, (1.0,))
    assert parse(Outer, [], default=lambda given: kept) == kept
    assert parse(Outer, ["c", "--no-more"], default=lambda given: kept) == dataclasses.replace(
        kept, name="c", other=False
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", r"^NAME is missing: what it is called$"),
        ("a --size", r"^--size: a value is missing$"),
        ("a --size --more", r"^--size: a value is missing$"),
        ("a --size x", r"^--size must be a whole number, got 'x'$"),
        ("a --numbers 1 x", r"^--numbers must be a number, got 'x'$"),
        ("a --inner 3", r"^unknown option --inner"),
        ("a --other", r"^unknown option --other \(--help lists them\)$"),
        ("a --no-size", r"^unknown option --no-size"),
        ("a -m", r"^unknown option -m"),
        ("a --more=1", r"^--more takes no value, got '1'$"),
        ("a --numbers", r"^--numbers: a value is missing \(None stands for no value\)$"),
        ("a --size=", r"^--size must be a whole number, got ''$"),
        ("a b", r"^unexpected argument 'b' \(--help lists the arguments\)$"),
        ("a --size 1 b", r"^unexpected argument 'b' "),
        (
            f"a --size {'9' * 5000}",
            r"^--size must have at most 4,096 characters, got '9+\.\.\.9+'$",
        ),
    ],
)
def test_wrong_words_are_one_sentence(words, message):
    with pytest.raises(UserError, match=message):
        parse(Outer, words.split(), prog="x")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "sweep"])
def test_quiet_prints_the_result_only(name, tiny, tmp_path, capsys):
    """Whatever is said is in the log nevertheless."""
    words = ["--dataset", "mnist", "--data-dir", tiny, "--epochs", "1", "--run-dir", tmp_path / "a"]
    more = ["--seeds", "2"] if name == "sweep" else []
    main([name, "--quiet", *map(str, words), *more])
    said = capsys.readouterr()
    assert said.err == ""
    for start in ("devices: ", "engine: ", "data: ", "epoch "):
        assert not re.search(f"^{start}", said.out, re.MULTILINE)
        assert start in (tmp_path / "a" / "log.txt").read_text()
    assert "run folder: " in said.out
