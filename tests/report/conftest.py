"""One tiny trained run, which the tests copy and then damage."""

import json
import shutil

import pytest

from jaxcnn import runs
from jaxcnn.runs import TrainConfig


@pytest.fixture(scope="session")
def trained_run(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "seed-0"
    return runs.run(
        TrainConfig(
            model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=16,
            optimizer="adam", run_dir=folder,
        )
    )  # fmt: skip


@pytest.fixture
def run(trained_run, tmp_path):
    """A run folder of the test's own."""
    return shutil.copytree(trained_run.folder.path, tmp_path / "seed-0")


@pytest.fixture
def copy_of(run):
    """Makes another run of it, with some of its config and all of its numbers changed."""

    def copy(name, factor=1.0, **changes):
        folder = shutil.copytree(run, run.parent / name)
        content = json.loads((folder / "config.json").read_text())
        content["config"] |= changes
        (folder / "config.json").write_text(json.dumps(content))
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for row in rows:
            row["test_accuracy"] *= factor
        (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return folder

    return copy
