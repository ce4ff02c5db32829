"""The Python of the README and of the docs runs as it is printed."""

import re
from pathlib import Path

import pytest

import jaxcnn
from jaxcnn.engine import tuned

HERE = Path(__file__).parents[1]


@pytest.mark.parametrize(("page", "least"), [("README.md", 4), ("docs/layers.md", 1)])
def test_every_snippet_runs_after_those_before_it(page, least, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
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
