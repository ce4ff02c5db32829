"""The README's Python runs as it is printed."""

import re
from pathlib import Path

import jaxcnn

README = Path(__file__).parents[1] / "README.md"


def test_every_snippet_runs_after_those_before_it(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
    snippets = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(snippets) >= 3
    names: dict[str, object] = {}
    try:
        for snippet in snippets:
            exec(snippet, names)
    finally:
        jaxcnn.restore()
