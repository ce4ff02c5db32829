"""A tiny Fashion-MNIST in the real format: quick to train on, awkward in its sizes."""

import shutil

import jax
import numpy as np
import pytest

from jaxcnn.data import DataOptions
from jaxcnn.runs import TrainConfig, run
from tests.data.idx_files import encoded

TRAIN, TEST = 53, 17


@pytest.fixture(scope="session", autouse=True)
def _compile_once(tmp_path_factory):
    """The runs of the tests compile the same few programs; each is compiled once."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A folder of four IDX files: 53 training and 17 test images."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    for prefix, count in (("train", TRAIN), ("t10k", TEST)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 100, (count, 28, 28)) + 15 * labels[:, None, None]
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(encoded(array.astype(np.uint8)))
    return folder


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """What a run came to whose data are gone; its folder is not to be changed."""
    data = tmp_path_factory.mktemp("moved") / "data"
    shutil.copytree(tiny, data)
    config = TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=data, epochs=1,
        optimizer="adam", run_dir=data.parent / "run", data=DataOptions(validation=0.1),
    )  # fmt: skip
    done = run(config)
    shutil.rmtree(data)
    return done
