"""What is broken is left out, and the page says why; what was there before is never lost."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jaxcnn.report import page as room
from jaxcnn.report import write_report
from jaxcnn.report.reported_runs import common_folder
from jaxcnn.runs import UserError
from jaxcnn.writing import write_whole
from tests.report.html import Page, check_whole


def report_on(*runs, **options):
    report = write_report(runs, **options)
    page = Page(report.path.read_text(encoding="utf-8"))
    check_whole(page)
    for trouble in report.troubles:
        # The page names folders, the command says where they are.
        assert re.sub(r"(?<!\w)/(\S*/)?", "", trouble.split(": ", 1)[-1]) in page.text
    return page, report.troubles


@pytest.mark.slow
def test_no_finished_epoch(run):
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.jsonl").unlink()
    page, troubles = report_on(run)
    assert troubles == [
        "No epoch is finished, so there are no curves of this run.",
        f"No trained weights could be used: {run} has no checkpoint yet.",
    ]
    assert "total 61,706 833,040" in page.text
    assert page.pictures() == []


@pytest.mark.slow
def test_damaged_metrics(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    damaged = [lines[0], "\0\xff{[", "[" * 100_000, "7", lines[1][:40]]
    (run / "metrics.jsonl").write_text("\n".join(damaged))
    page, troubles = report_on(run)
    assert troubles == ["metrics.jsonl is damaged: 4 of its 5 lines cannot be read."]
    assert f"test accuracy {json.loads(lines[0])['test_accuracy']:.4f}" in page.text


@pytest.mark.slow
def test_numbers_that_are_none(run):
    rows = [
        {"epoch": 1, "test_loss": float("nan"), "steps": [1, 2], "done": True, "big": 10**400},
        {"epoch": 2, "test_loss": float("inf"), "gradient_norm": 1e-5, "name": "x"},
        {"epoch": 3, "test_loss": 2.5, "gradient_norm": 0.1},
    ]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    page, troubles = report_on(run)
    assert troubles == []
    said = [a["aria-label"] for a in page.all("svg") if "ends at" in a["aria-label"]]
    assert said == ["loss: A test ends at 2.5", "gradient norm: A ends at 0.1"]


@pytest.mark.slow
def test_missing_data(run, tiny, tmp_path):
    content = json.loads((run / "config.json").read_text())
    content["config"]["data_dir"] = str(tmp_path / "gone")
    (run / "config.json").write_text(json.dumps(content))
    page, troubles = report_on(run)
    assert troubles == [
        f"No test images could be shown or scored: the data directory {tmp_path}/gone does not exist."
    ]
    # The kernels need no data.
    assert [picture.size for picture in page.pictures()] == [(5, 5)] * 6
    page, troubles = report_on(run, data_dir=tiny)
    assert troubles == []
    assert len(page.pictures()) > 6


def test_damaged_checkpoint(run):
    files = [path for path in (run / "checkpoints").rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    page, (trouble,) = report_on(run)
    assert trouble.startswith("No trained weights could be used: ")
    assert "Curves" in page.text
    assert page.pictures() == []


def test_facts_that_are_missing(run):
    content = json.loads((run / "config.json").read_text())
    content["config"]["data_dir"] = "/gone"
    del content["data"]
    (run / "config.json").write_text(json.dumps(content))
    _, troubles = report_on(run)
    assert troubles[-1] == (
        "The network is not shown: config.json does not say what its images are."
    )


def test_images_that_the_network_cannot_take(run):
    content = json.loads((run / "config.json").read_text())
    content["config"]["data_dir"] = "/gone"
    content["data"]["image_shape"] = [3, 3, 1]
    (run / "config.json").write_text(json.dumps(content))
    _, troubles = report_on(run)
    assert "The network cannot be shown: lenet_modern cannot take images of 3×3×1: " in troubles[1]


def test_no_run(run, tmp_path):
    with pytest.raises(UserError, match="needs at least one run folder"):
        write_report([])
    with pytest.raises(UserError, match="there is no run .*/nowhere: give the folder of a run"):
        write_report([tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match=r"empty holds no run: there is no config\.json in it"):
        write_report([run, empty])
    with pytest.raises(UserError, match=r"metrics\.jsonl is a file, not the folder of a run"):
        write_report([run / "metrics.jsonl"])
    with pytest.raises(UserError, match="no folder in common: name the page with --output"):
        common_folder([Path("/a"), Path("/b")])
    (run / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        write_report([run])
    assert not (run / "report.html").exists()


def test_other_files_are_not_written_over(run, tmp_path, monkeypatch):
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(UserError, match=r"metrics\.jsonl is not a report of jaxcnn: give another"):
        write_report([run], output=run / "metrics.jsonl")
    assert (run / "metrics.jsonl").read_bytes() == before
    with pytest.raises(UserError, match=r"is a folder: name a file, .*/report\.html for example"):
        write_report([run], output=run)
    with pytest.raises(UserError, match="the folder .*/no does not exist: give another --output"):
        write_report([run], output=tmp_path / "no" / "page.html")
    monkeypatch.setattr(room.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match=r"report\.html cannot be written: no permission in "):
        write_report([run])


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_page(run, monkeypatch):
    old = write_report([run]).path.read_bytes()

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"report\.html cannot be written: No space left on device"):
        write_report([run])
    assert (run / "report.html").read_bytes() == old
    assert not list(run.glob("*.tmp"))


def test_a_kill_leaves_the_old_page(tmp_path):
    """Killed after the last byte and before the page is whole on the disk: the worst moment."""
    path = tmp_path / "report.html"
    write_whole(path, "the old page")
    program = (
        "import os, signal, sys; from pathlib import Path; from jaxcnn.writing import write_whole\n"
        "os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(Path(sys.argv[1]), 'the new page' * 10000)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "the old page"
    # A new file takes the old one's name: whoever is reading the old one still has all of it.
    with path.open() as reader:
        write_whole(path, "the new page")
        assert reader.read() == "the old page"
    assert path.read_text() == "the new page"
