"""``log.txt``: every line of a run, with the time, whatever becomes of the run."""

import contextlib
import re
import threading

import pytest

from jaxcnn.runs import Stopped, UserError
from jaxcnn.runs.display import displays
from jaxcnn.runs.log import journaled, note, quiet, say, warn

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", re.MULTILINE)


def lines_of(path):
    """What was noted; each line must have its time."""
    text = path.read_text()
    assert len(STAMP.findall(text)) == text.count("\n")
    return STAMP.sub("", text).splitlines()


def test_what_is_said_before_there_is_a_folder_is_noted_too(tmp_path, capsys):
    path = tmp_path / "log.txt"
    with journaled() as journal:
        say("first")
        assert not path.exists()
        with journal.kept_in(path):
            assert not path.exists()
            warn("second")
            assert lines_of(path) == ["first", "warning: second"]
            note("third\nfourth \udcff")
    say("later")
    assert lines_of(path) == ["first", "warning: second", "third", "fourth \\udcff"]
    assert capsys.readouterr() == ("first\nlater\n", "jaxcnn: warning: second\n")


def test_a_quiet_run_notes_all_and_prints_warnings_only(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, by rich's reckoning
    path = tmp_path / "log.txt"
    with quiet(), journaled() as journal, journal.kept_in(path), contextlib.ExitStack() as shown:
        for display in displays(1, 2):
            shown.enter_context(display)
        say("first")
        warn("second")
    with quiet(False):
        say("third")
    assert capsys.readouterr() == ("third\n", "jaxcnn: warning: second\n")
    assert lines_of(path) == ["first", "warning: second"]


def test_it_goes_on_behind_a_line_that_was_cut_short(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("2000-01-01T00:00:00+0000 whole\n2000-01-01T00:00:00+0000 cu")
    with journaled() as journal, journal.kept_in(path):
        note("next")
    assert lines_of(path) == ["whole", "cu", "next"]


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (UserError("a mistake"), ["error: a mistake"]),
        (Stopped(15, "stopped by SIGTERM"), ["stopped by SIGTERM"]),
        (KeyboardInterrupt(), ["interrupted"]),
    ],
    ids=str,
)
def test_what_ended_it(error, last, tmp_path):
    with pytest.raises(type(error)), journaled() as journal, journal.kept_in(tmp_path / "log.txt"):
        raise error
    assert lines_of(tmp_path / "log.txt") == last


def test_what_nobody_foresaw_is_noted_at_length(tmp_path):
    with pytest.raises(ZeroDivisionError), journaled() as journal, journal.kept_in(tmp_path / "log.txt"):  # fmt: skip
        1 / 0  # noqa: B018
    lines = lines_of(tmp_path / "log.txt")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path, capsys):
    (tmp_path / "log.txt").mkdir()
    with journaled() as journal, journal.kept_in(tmp_path / "log.txt"):
        say("one")
        say("two")
    said = capsys.readouterr()
    assert said.out == "one\ntwo\n"
    assert said.err == f"jaxcnn: warning: {tmp_path}/log.txt cannot be written: Is a directory\n"


def test_runs_in_other_threads_have_their_own(tmp_path):
    with journaled() as journal, journal.kept_in(tmp_path / "log.txt"):
        note("mine")
        other = threading.Thread(target=note, args=("not mine",))
        other.start()
        other.join(60)
    assert lines_of(tmp_path / "log.txt") == ["mine"]
