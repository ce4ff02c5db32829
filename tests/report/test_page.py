"""The page as a reader gets it."""

import dataclasses
import json
import re
import signal

import numpy as np
import pytest

from jaxcnn import runs
from jaxcnn.data import load_dataset
from jaxcnn.report import write_report
from jaxcnn.runs import RunFolder, read_config
from jaxcnn.runs.stopping import Stopped, StopRequests
from tests.report import browser
from tests.report.html import Page, check_whole
from tests.test_cli import jaxcnn, refused


def page_of(*runs, **options):
    report = write_report(runs, **options)
    text = report.path.read_text(encoding="utf-8")
    page = Page(text)
    check_whole(page)
    assert "url(" not in text
    assert "@import" not in text
    return page


@pytest.mark.slow
def test_one_run(run, trained_run):
    page = page_of(run)
    assert f"test accuracy {trained_run.test_accuracy:.4f}" in page.text
    assert "lenet_modern on fashion_mnist" in page.text
    assert trained_run.parameters_sha256 in page.text
    for title in ("Curves", "Confusion matrix", "The worst misclassified images", "The network",
                  "The first kernels", "One image, layer by layer", "Config and versions"):  # fmt: skip
        assert title in page.text
    # The table of the network: conv1's size, parameters, 2 · 28 · 28 · 25 · 6 FLOPs, field.
    assert "conv1 28 × 28 × 6 156 235,200 5 × 5 1 × 1" in page.text
    assert "total 61,706 833,040" in page.text
    # Every test image is counted once.
    cells = page.all("td", kind="right") + page.all("td", kind="wrong")
    counts = [int(cell["title"].split()[0]) for cell in cells]
    assert (len(counts), sum(counts)) == (100, 17)
    right = sum(int(cell["title"].split()[0]) for cell in page.all("td", kind="right"))
    assert right / 17 == trained_run.test_accuracy
    assert len(page.all("ol", kind="misclassified")) == (right < 17)
    assert len(page.all("div", kind="strip")) == 5  # dense1 to dense3 and the ReLUs between
    assert page.text.count("T-shirt/top Trouser Pullover Dress") == 2  # the matrix, and dense3
    assert re.search(
        r"seed 0\. Started 20\d\d-\d\d-\d\d \d\d:\d\d, [\d.]+ s of training\.", page.text
    )
    maps = page.all("svg", kind="map")
    assert len(maps) == 3 * 6 + 3 * 8  # conv, relu, pool: six channels, then eight of sixteen


def test_a_sample_is_shown_as_it_is(run, tiny):
    page = page_of(run)
    shown = page.all("image")[0]
    place = int(re.search(r"Test image (\d+)", page.text)[1])
    image = load_dataset("fashion_mnist", data_dir=tiny).test.images[place, ..., 0]
    (first,) = [p for p in page.pictures() if p.size == (28, 28) and p.tobytes() == np.round(255 * image).astype(np.uint8).tobytes()][:1]  # fmt: skip
    assert first.mode == "L"
    assert (shown["width"], shown["height"]) == ("28", "28")
    # conv1's output (14, 14) sees 5 × 5 pixels around (14, 14), pool2's (2, 2) sees 16 × 16.
    frames = [tuple(int(a[n]) for n in ("x", "y", "width", "height")) for a in page.all("rect") if a["width"] != "1"]  # fmt: skip
    assert frames == [(12, 12, 5, 5)] * 2 + [(12, 12, 6, 6)] + [(8, 8, 14, 14)] * 2 + [
        (6, 6, 16, 16)
    ]


@pytest.mark.slow
def test_names_cannot_become_elements(run, copy_of):
    evil = "<img src=x onerror=alert(1)>\"'>{{ 1234 * 1009 }}"
    other = copy_of(evil)
    content = json.loads((other / "config.json").read_text())
    content |= {evil: {evil: evil}}
    content["data"]["class_names"] = [f"<script>{i}" for i in range(10)]
    content["config"]["data_dir"] = "/missing/<b>"
    (other / "config.json").write_text(json.dumps(content))
    row = {"epoch": 1, f"{evil}</svg><script>": 1.0}
    (other / "metrics.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"epoch": 2, "test_accuracy": 0.1}))  # fmt: skip
    page = page_of(run, other)
    assert evil in page.text
    assert "</svg><script>" in page.text
    assert str(1234 * 1009) not in page.text


def test_seeds_of_one_config_are_one_group(run, copy_of, trained_run):
    others = [copy_of(f"seed-{seed}", factor, seed=seed) for seed, factor in ((1, 0.5), (10, 0.0))]
    page = page_of(run.parent)
    accuracies = np.array([1, 0.5, 0]) * trained_run.test_accuracy
    expected = f"{accuracies.mean():.4f} ± {accuracies.std(ddof=1):.4f}"
    assert f"mean ± std {expected}" in page.text
    assert "3 runs that differ only in the seed" in page.text
    assert page.text.index("seed-1 ") < page.text.index("seed-10 ")
    # In detail: one run, the one in the middle.
    assert "In detail: run seed-1 , whose test accuracy is the median of 3 runs." in page.text
    assert page.text.count("The worst misclassified images") == 1
    assert len(page.all("path", kind="band")) == 8  # three scores twice, norm, speed
    assert len(page.all("path", kind="faint")) == 8 * (1 + len(others))
    assert (run.parent / "report.html").exists()


@pytest.mark.slow
def test_an_unfinished_run_is_in_no_mean(run, copy_of, trained_run):
    for seed, factor in ((1, 0.5), (2, 0.0)):
        copy_of(f"seed-{seed}", factor, seed=seed)
    stopped = run.parent / "seed-2" / "metrics.jsonl"
    stopped.write_text(stopped.read_text().splitlines()[0] + "\n")
    page = page_of(run.parent)
    accuracies = np.array([1, 0.5]) * trained_run.test_accuracy
    expected = f"{accuracies.mean():.4f} ± {accuracies.std(ddof=1):.4f}"
    assert f"mean ± std {expected}" in page.text
    assert "seed-2 has 1 of 2 epochs: it is left out of every mean." in page.text
    assert "seed-2 2 1 of 2 0.0000" in page.text
    # The first epoch's mean is of the same two runs: all three would move it.
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["test_accuracy"]
    assert f"test accuracy {0.75 * first:.4g} ± " in page.text


@pytest.mark.slow
def test_one_unfinished_run_says_so(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text(lines[0] + "\n")
    assert "This run is not finished: it has 1 of 2 epochs." in page_of(run).text


@pytest.mark.slow
def test_a_run_that_was_stopped_within_an_epoch(run, monkeypatch):
    """Its weights are of a later moment than its figures, and the page says of which."""
    config = dataclasses.replace(read_config(RunFolder(run)), run_dir=run, resume=True, epochs=3)
    monkeypatch.setattr(StopRequests, "number", signal.SIGTERM, raising=False)
    monkeypatch.setattr(StopRequests, "__init__", lambda self: setattr(self, "_before", {}))
    with pytest.raises(Stopped):
        runs.run(config)
    page = page_of(run)
    assert "This run is not finished: it has 2 of 3 epochs." in page.text
    where = "weights of epoch 3, after 1 of 4 batches (the run's last figures are of epoch 2):"
    assert where in page.text
    assert "of epoch 3, after 1 of 4 batches sha256" in page.text


@pytest.mark.slow
def test_no_path_of_the_machine_is_on_the_page(run, copy_of, tmp_path):
    """It can be sent to anyone: folders are called by their names."""
    data = tmp_path / "my home" / "photos, all"
    other = copy_of("other", data_dir=str(data), run_dir=str(tmp_path / "old" / "other"))
    content = json.loads((other / "config.json").read_text())
    content["data"]["source"] = f"pictures in {data}/train, and more of {tmp_path}/elsewhere"
    content["written"] = {"by": ["/opt/secret/python", f"{data}"]}
    (other / "config.json").write_text(json.dumps(content))
    for path in (run, other):
        lines = (path / "metrics.jsonl").read_text().splitlines()
        (path / "metrics.jsonl").write_text("\n".join([*lines, "{"]))
    report = write_report([run, other])
    text = report.path.read_text(encoding="utf-8")
    for secret in ("my home", "/opt/", "secret", *tmp_path.parts[-2:]):
        assert secret not in text
    page = Page(text)
    for name in (
        "photos, all",
        "pictures in train, and more of elsewhere",
        "by python, photos, all",
    ):
        assert name in page.text
    assert "the data directory photos, all does not exist" in page.text
    assert str(data) in report.troubles[-1]


@pytest.mark.slow
def test_other_configs_are_other_groups(run, copy_of, tmp_path):
    other = copy_of("faster", lr=0.5)
    page = page_of(run, other, output=tmp_path / "both.html")
    assert "lenet_modern on fashion_mnist, lr 0.003" in page.text
    assert "lenet_modern on fashion_mnist, lr 0.5" in page.text
    assert page.text.count("The worst misclassified images") == 2
    labels = {a["class"] for a in page.all("text", kind="label")}
    assert labels == {"label s1", "label s2"}


def test_a_run_that_is_named_twice_is_shown_once(run):
    report = write_report([run, run.parent / "." / run.name, run.parent])
    assert (report.runs, report.path) == (1, run.parent / "report.html")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.slow
def test_in_a_browser(run, copy_of, tmp_path, width):
    """Loads without a complaint, fits the screen, follows light and dark, shows its figures."""
    path = write_report([run, copy_of("seed-1", 0.5, seed=1), copy_of("faster", lr=0.5)]).path
    executable = browser.find()
    if executable is None:
        check_whole(Page(path.read_text(encoding="utf-8")))
        return
    papers = []
    with browser.Browser(executable, tmp_path / "profile") as chromium:
        for dark in (False, True):
            chromium.open(path, width=width, dark=dark)
            assert chromium.value("document.title") == "lenet_modern on fashion_mnist"
            assert chromium.complaints() == []
            assert chromium.value("document.documentElement.scrollWidth") <= width
            hidden = "[...document.querySelectorAll('img, svg, svg .line, svg image, .confusion td')].filter(e => { const b = e.getBoundingClientRect(); return b.width + b.height < 4 || b.right > innerWidth + 1 && !e.closest('.scroll') })"  # fmt: skip
            assert chromium.value(f"{hidden}.length") == 0
            assert chromium.value("[...document.images].filter(i => !i.complete || !i.naturalWidth).length") == 0  # fmt: skip
            papers.append(chromium.value("getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(255, 254, 251)", "rgb(22, 24, 28)"]


@pytest.mark.slow
def test_the_command(run, tmp_path):
    done = jaxcnn("report", run, "--output", tmp_path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"report: {tmp_path}/page.html \(1 run, \d+ kB\)\n", done.stdout)
    assert refused("report", tmp_path / "nothing").startswith("jaxcnn: there is no run ")
