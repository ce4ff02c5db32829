"""The Python of the README and of the docs runs as it is printed."""

import re
from pathlib import Path

import pytest

import jaxcnn
from jaxcnn.cli import main
from jaxcnn.engine import tuned

HERE = Path(__file__).parents[1]


PAGES = [
    ("README.md", 4),
    ("docs/layers.md", 1),
    ("docs/models.md", 1),
    ("docs/scaling.md", 1),
    ("docs/flax_and_equinox.md", 5),
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "least"), PAGES)
def test_every_snippet_runs_after_those_before_it(page, least, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # they write files
    snippets = re.findall(
        r"^```python\n(.*?)^```", (HERE / page).read_text(), re.DOTALL | re.MULTILINE
    )
    assert len(snippets) >= least
    names: dict[str, object] = {}
    try:
        for snippet in snippets:
            exec(snippet, names)
    finally:
        jaxcnn.restore()
        tuned.forget()


@pytest.mark.slow
def test_a_model_of_ones_own_goes_the_whole_way(tmp_path, monkeypatch, capsys):
    """The twelve lines of the README: trained, resumed, reported, exported."""
    monkeypatch.chdir(tmp_path)
    readme = (HERE / "README.md").read_text()
    section = readme[readme.index("## A model of your own") :]
    nets, words = re.findall(r"^```(?:python|sh)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[:2]
    assert nets.count("\n") - nets.count("\n\n") + words.count("\n") <= 12
    (tmp_path / "nets.py").write_text(nets)
    for line in words.splitlines():
        main(line.partition("#")[0].split()[1:])
    said = capsys.readouterr().out
    assert "resume: going on after epoch 30" in said
    assert float(re.findall(r"test accuracy: (\S+)", said)[-1]) > 0.5
    assert (tmp_path / "runs" / "own" / "report.html").exists()
    assert (tmp_path / "runs" / "own" / "exports" / "tiny.onnx").exists()
