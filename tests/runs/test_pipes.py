"""Named pipes in run folders, which wait for ever, and links, which lead elsewhere."""

import os
import shutil

import pytest

from jaxcnn.cli import main
from jaxcnn.report.reported_runs import read_runs
from jaxcnn.runs import RunFolder, TrainConfig, UserError, load_trained, run
from jaxcnn.runs.lock import locked
from jaxcnn.runs.log import Journal
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.outcomes import read_outcome
from tests.patience import within
from tests.runs.test_strangers import readers


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run, to be damaged."""
    shutil.copytree(finished.folder.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def replaced_by_a_pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


PIPE = "cannot be read: it is a named pipe, expected a file$"


def test_a_pipe_in_the_place_of_the_config(folder):
    replaced_by_a_pipe(folder.config)
    for read in readers(folder):
        with pytest.raises(UserError, match=rf"config\.json {PIPE}"), within(10):
            read()
    with pytest.raises(UserError, match=r"holds no run"), within(10):
        run(TrainConfig(run_dir=folder.path, resume=True))


def test_a_pipe_in_the_place_of_the_metrics(folder):
    replaced_by_a_pipe(folder.metrics)
    with pytest.raises(UserError, match=rf"metrics\.jsonl {PIPE}"), within(10):
        list(read_metrics(folder))
    with within(10):
        (record,) = read_runs([folder.path])
    assert record.troubles == ["metrics.jsonl cannot be read: it is a named pipe, expected a file."]


def files_of_a_checkpoint(folder):
    """One of each kind."""
    (step,) = folder.checkpoints.iterdir()
    names = ("_CHECKPOINT_METADATA", "header/metadata", "state/_METADATA", "state/manifest.ocdbt")
    return [*(step / name for name in names), next(step.glob("state/d/*"))]


@pytest.mark.slow
def test_a_pipe_or_a_link_in_a_checkpoint(folder, tmp_path):
    for path in files_of_a_checkpoint(folder):
        content = path.read_bytes()
        (tmp_path / "elsewhere").write_bytes(content)
        for put_in in (replaced_by_a_pipe, lambda path: path.symlink_to(tmp_path / "elsewhere")):
            path.unlink()
            put_in(path)
            with pytest.raises(UserError, match="in it is neither a file nor a folder"), within(20):
                load_trained(folder)
        path.unlink()
        path.write_bytes(content)
    load_trained(folder)


@pytest.mark.parametrize(
    ("make", "reason"),
    [(os.mkfifo, "No such device or address"), (lambda path: path.symlink_to("thesis"), "Too many .+")],
    ids=["pipe", "link"],
)  # fmt: skip
def test_a_log_that_is_no_file_is_not_written(make, reason, tmp_path, capsys):
    make(tmp_path / "log.txt")
    journal = Journal()
    with within(10), journal.kept_in(tmp_path / "log.txt"):
        journal.note("one")
    assert not (tmp_path / "thesis").exists()
    assert reason.split(" .+")[0] in capsys.readouterr().err


def test_a_pipe_in_the_place_of_the_lock(folder):
    replaced_by_a_pipe(folder.lock)
    refused = pytest.raises(UserError, match=r"\.lock is no file, and cannot be locked$")
    with refused, within(10), locked(folder):
        pass


def test_a_pipe_in_the_place_of_the_report(folder, capsys):
    os.mkfifo(folder.path / "report.html")
    with within(60), pytest.raises(SystemExit) as caught:
        main(["report", str(folder.path)])
    assert caught.value.code == 2
    assert (
        "report.html cannot be used: it is a named pipe, expected a file" in capsys.readouterr().err
    )


def test_a_pipe_in_the_place_of_a_sweep(tmp_path):
    folder = RunFolder(tmp_path)
    replaced_by_a_pipe(folder.sweep)
    with pytest.raises(UserError, match=PIPE), within(10):
        read_outcome(folder)
