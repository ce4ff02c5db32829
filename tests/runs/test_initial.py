"""Tests runs that begin with weights from a file, and runs with frozen parameters."""

import jax
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.interop import save_safetensors
from jaxcnn.layers import BatchNorm, Conv2d, Dense, GlobalAvgPool, Sequential
from jaxcnn.runs import Own, TrainConfig, UserError, read_config
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.log import quiet
from jaxcnn.runs.plan import SweepPlan
from jaxcnn.runs.sweep import sweep

SHAPE = (1, 8, 8, 1)


def tiny(classes=10):
    return Sequential(stem=Sequential(conv=Conv2d(3, 3), norm=BatchNorm()), pool=GlobalAvgPool(), fc=Dense(classes))  # fmt: skip


def train(model=None, **settings):
    settings = {"epochs": 1, "batch_size": 256, "optimizer": "adam", **settings}
    with quiet():
        return jc.runs.train(model or tiny(), "digits", **settings)


@pytest.fixture
def file(tmp_path):
    params, state = tiny(7).init(jax.random.key(9), SHAPE)
    state["stem"]["norm"]["mean"] += 0.25
    save_safetensors(tmp_path / "seven.safetensors", tiny(7), params, state)
    return tmp_path / "seven.safetensors", params, state


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.slow
def test_frozen_parameters_and_statistics_stay(file):
    path, params, state = file
    result = train(init_from=path, skip_head=True, freeze="stem/*")
    same(result.params["stem"], params["stem"])
    same(result.model_state["stem"], state["stem"])
    drawn = train(init_from=path, skip_head=True, freeze="stem/*", lr=1e-9).params["fc"]["bias"]
    assert drawn.shape == (10,)
    assert abs(result.params["fc"]["bias"] - drawn).max() > 1e-3


@pytest.mark.slow
def test_without_freeze_everything_learns(file):
    path, params, state = file
    result = train(init_from=path, skip_head=True)
    assert abs(result.params["stem"]["conv"]["kernel"] - params["stem"]["conv"]["kernel"]).max() > 0
    assert abs(result.model_state["stem"]["norm"]["mean"] - state["stem"]["norm"]["mean"]).max() > 0


@pytest.mark.slow
def test_a_run_is_recorded_and_resumed_to_the_bit(file, tmp_path):
    told = {"init_from": file[0], "skip_head": True, "freeze": ("stem/*",)}
    whole = train(epochs=2, run_dir=tmp_path / "whole", **told)
    train(epochs=1, run_dir=tmp_path / "run", **told)
    config = read_config(RunFolder(tmp_path / "run"))
    assert (config.init_from, config.skip_head, config.freeze) == tuple(told.values())
    again = train(epochs=2, run_dir=tmp_path / "run", resume=True, **told)
    same(again.params, whole.params)
    file[0].write_bytes(file[0].read_bytes()[:-4] + b"1234")
    with pytest.raises(UserError, match="was begun with another file of --init-from than now"):
        train(epochs=3, run_dir=tmp_path / "run", resume=True, **told)


@pytest.mark.slow
def test_each_member_of_a_sweep_begins_with_the_file(file, tmp_path):
    config = TrainConfig(
        "own",
        init_from=file[0],
        skip_head=True,
        freeze=("stem/*",),
        epochs=1,
        batch_size=512,
        run_dir=tmp_path / "sweep",
    )
    with quiet():
        swept = sweep(SweepPlan(config, 2, (0.1,)), Own(tiny))
    one, other = (member.params for member in swept.members)
    same(one["stem"], file[1]["stem"])
    same(other["stem"], file[1]["stem"])
    assert abs(one["fc"]["kernel"] - other["fc"]["kernel"]).max() > 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"freeze": "stem2/*"}, r"^--freeze: unknown pattern of parameters 'stem2/\*', did you mean 'stem/"),
        ({"freeze": "*"}, r"^--freeze \* leaves no parameter to train$"),
        ({"skip_head": True}, r"^--skip-head needs --init-from"),
        ({"init_from": "no.npz"}, r"^no\.npz cannot be read"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_refusals(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        train(**settings)


def test_weights_that_do_not_fit(file):
    sentence = (
        r"seven\.safetensors: fc/bias must have shape \(10,\), got \(7,\); fc/kernel must have"
    )
    with pytest.raises(UserError, match=f"^--init-from .*{sentence}"):
        train(init_from=file[0])
    with pytest.raises(UserError, match="is missing"):
        train("lenet", init_from=file[0])
