"""Run folders that nobody has foreseen: each file is read, or refused, in a short time."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.report.reported_runs import read_runs
from jaxcnn.runs import RunFolder, TrainConfig, load_trained
from jaxcnn.runs.digests import json_sha256
from jaxcnn.runs.metrics_file import keep_metrics, read_metrics
from jaxcnn.runs.outcomes import members_after
from jaxcnn.runs.settings import read_toml, with_values
from tests.data.test_fuzz import TOML, read_or_refused
from tests.mutations import changed, documents, replaced
from tests.sweep import sweep

ROWS = [{"epoch": epoch, "test_loss": 0.5, "test_accuracy": None} for epoch in (1, 2)]
MEMBER = {"seed": 0, "lr": 0.1, "diverged": None, "final": ROWS[-1], "rows": ROWS}
SWEEP = {"config": {}, "epochs": 2, "seconds": 1.5, "members": [MEMBER, MEMBER | {"seed": 1}]}


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """A copy of a run, one file of which is changed at a time."""
    path = tmp_path_factory.mktemp("fuzzed") / "run"
    shutil.copytree(finished.folder.path, path)
    return RunFolder(path)


def with_content(path, content, use):
    """Use a folder while one of its files has another content."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        with read_or_refused():
            use()
    finally:
        path.write_bytes(before)


@sweep(60)
@given(data=st.data())
def test_configs(folder, data):
    content = data.draw(documents(json.loads(folder.config.read_text())))
    with_content(folder.config, content, lambda: load_trained(folder))
    with_content(folder.config, content, lambda: [r.settings for r in read_runs([folder.path])])


@pytest.mark.slow
def test_long_texts(folder):
    """None is repeated whole in a sentence."""
    saved = json.loads(folder.config.read_text())
    for name in saved["config"]:
        for text in ("[" * 3000, "/b" * 1500, "\\" * 3000):
            content = saved | {"config": saved["config"] | {name: text}}
            with_content(folder.config, json.dumps(content).encode(), lambda: load_trained(folder))


@sweep(100)
@given(data=st.data())
def test_metrics(folder, data):
    content = data.draw(changed(folder.metrics.read_bytes() * 2))
    with_content(folder.metrics, content, lambda: list(read_metrics(folder)))
    with_content(folder.metrics, content, lambda: keep_metrics(folder, 1))
    with_content(folder.metrics, content, lambda: read_runs([folder.path]))


@sweep(100)
@given(content=documents(SWEEP))
def test_outcomes_of_sweeps(tmp_path_factory, content):
    folder = RunFolder(tmp_path_factory.mktemp("swept"))
    folder.sweep.write_bytes(content)
    with read_or_refused():
        members_after(folder, [(0, 0.1), (1, 0.1)], 2)


@sweep(60)
@given(data=st.data())
@pytest.mark.slow
def test_headers(folder, data):
    """Those with a digest that is right, too."""
    (path,) = folder.checkpoints.glob("*/header/metadata")
    header = json.loads(path.read_text())
    content = data.draw(replaced(header["content"]))
    forged = {"content": content, "sha256": json_sha256(content)}
    other = data.draw(st.one_of(st.just(json.dumps(forged).encode()), documents(header)))
    with_content(path, other, lambda: load_trained(folder))


@sweep(40)
@given(data=st.data())
@pytest.mark.slow
def test_files_of_a_checkpoint(folder, data):
    files = sorted(path for path in folder.checkpoints.glob("*/**/*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    with_content(path, data.draw(changed(path.read_bytes())), lambda: load_trained(folder))


@sweep(200)
@given(content=changed(TOML))
def test_settings(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(content)
    with read_or_refused():
        with_values(TrainConfig(), read_toml(path), "fuzzed.toml")
