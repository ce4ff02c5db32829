"""`--precision`: one policy for training, scores, loading and exports, kept by a run."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxcnn import runs
from jaxcnn.data import open_dataset
from jaxcnn.errors import UserError
from jaxcnn.interop import FORMATS, ModelToExport
from jaxcnn.runs import RunFolder, TrainConfig, load_trained, run
from jaxcnn.runs.plan import SweepPlan
from jaxcnn.runs.sweep import sweep
from jaxcnn.runs.trained import evaluate

BITS = {"mixed_bfloat16": 8, "mixed_float16": 11}


@pytest.fixture(params=BITS)
def config(request, tiny, tmp_path):
    return TrainConfig(
        model="lenet_bn", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=8,
        optimizer="adam", precision=request.param, run_dir=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.slow
def test_scored_and_resumed_as_it_was_trained(config):
    """The scale of the loss and its count of steps are in the checkpoint."""
    whole = run(config)
    assert evaluate(whole.folder, config).scores == whole.scores
    stopped = dataclasses.replace(config, run_dir=config.run_dir / "stopped")
    run(dataclasses.replace(stopped, epochs=1))
    again = run(dataclasses.replace(stopped, resume=True))
    assert again.parameters_sha256 == whole.parameters_sha256
    exact = run(dataclasses.replace(config, precision="float32", run_dir=config.run_dir / "exact"))
    assert exact.parameters_sha256 != whole.parameters_sha256
    np.testing.assert_allclose(exact.scores["test_loss"], whole.scores["test_loss"], rtol=0.02)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(whole.params)} == {"float32"}


@pytest.mark.slow
def test_loaded_and_exported_as_it_was_trained(config, tiny):
    run(dataclasses.replace(config, epochs=1))
    assert json.loads((config.run_dir / "config.json").read_text())["config"]["precision"] == config.precision  # fmt: skip
    model, params, state = runs.load(config.run_dir)
    kind = config.precision.removeprefix("mixed_")
    images = open_dataset("fashion_mnist", data_dir=tiny).load().test.images
    expected = np.asarray(model.apply(params, state, images)[0])
    trained = load_trained(RunFolder(config.run_dir))
    subject = ModelToExport(model, params, state, (28, 28, 1), trained.card)
    exported = jax.export.deserialize(bytearray(FORMATS["stablehlo"].files(subject, "net")["net.stablehlo"]))  # fmt: skip
    assert f"x{kind.replace('bfloat', 'bf').replace('float', 'f')}>" in exported.mlir_module()
    rounding = 4 * np.abs(expected).max() * 2.0 ** -BITS[config.precision]
    np.testing.assert_allclose(exported.call(images), expected, atol=rounding)
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(FORMATS["onnx"].files(subject, "net")["net.onnx"])
    (given,) = session.run(None, {"images": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(given, expected, atol=rounding)


@pytest.mark.slow
def test_another_precision_is_refused_on_resume(config):
    run(dataclasses.replace(config, epochs=1))
    with pytest.raises(UserError, match=f"was begun with --precision {config.precision}, and cannot go on with float32"):  # fmt: skip
        run(dataclasses.replace(config, precision="float32", resume=True))


@pytest.mark.slow
def test_float16_that_overflows_at_every_scale_stops_the_run():
    """Logits beyond 65504: no scale of the loss helps."""
    images = np.random.default_rng(0).uniform(0, 1, (40, 28, 28, 1)).astype(np.float32)
    pair = images * 1e6, np.arange(40) % 2
    with pytest.raises(UserError, match=r"not finite in step 17 .*float16 ends at 65504, --precision mixed_bfloat16"):  # fmt: skip
        runs.train("lenet_bn", (pair, pair), epochs=9, batch_size=2, precision="mixed_float16")


@pytest.mark.slow
def test_a_sweep_is_its_runs(config):
    plan = SweepPlan(dataclasses.replace(config, epochs=1), seeds=2)
    swept = sweep(plan)
    alone = run(dataclasses.replace(config, epochs=1, seed=1, run_dir=config.run_dir / "alone"))
    found = swept.members[1].rows[-1]["test_loss"]
    np.testing.assert_allclose(found, alone.scores["test_loss"], rtol=0.02)


def test_from_python():
    """Also of a model of one's own, without a folder."""
    result = runs.train("lenet_bn", "digits", epochs=1, precision="mixed_bfloat16", accumulate=2)
    assert result.scores["test_accuracy"] > 0.5
