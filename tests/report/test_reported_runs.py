"""Which runs a folder stands for."""

import json
import os
from pathlib import Path

from jaxcnn.report.reported_runs import common_folder, read_runs
from jaxcnn.runs import TrainConfig
from jaxcnn.runs.config_file import to_json


def make_runs(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        content = json.dumps({"config": to_json(TrainConfig())})
        (folder / name / "config.json").write_text(content)


def names_of(*paths):
    return [record.name for record in read_runs(paths)]


def test_all_runs_below_a_folder_are_found(tmp_path):
    make_runs(tmp_path, "fm", "grp/seed-0", "grp/seed-10", "grp/seed-9", "a/b/c/run", ".old/run")
    make_runs(tmp_path, "fm/copy", "too/deep/to/be/found")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names_of(tmp_path) == ["run", "fm", "seed-0", "seed-9", "seed-10"]
    assert names_of(tmp_path / "grp", tmp_path / "fm") == ["seed-0", "seed-9", "seed-10", "fm"]


def test_the_page_goes_where_the_user_pointed(tmp_path, monkeypatch):
    """Not into the folder of the only run, whose own page it would replace."""
    assert common_folder([tmp_path]) == tmp_path
    assert common_folder([tmp_path / "a", tmp_path / "b" / ".." / "c"]) == tmp_path
    monkeypatch.chdir(tmp_path)
    assert common_folder([Path("runs/a"), Path("runs/b")]) == Path("runs")
    assert common_folder([Path("../x"), Path("y")]) == Path(os.path.dirname(tmp_path))
