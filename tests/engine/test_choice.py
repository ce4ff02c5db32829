"""The algorithm that `auto` chooses, its memory, and the effect of measurements."""

import json
import pathlib
import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn import engine
from jaxcnn.engine import compiler, tuned
from jaxcnn.engine.name_stacks import place
from jaxcnn.models import MODELS


@pytest.fixture
def winners(tmp_path, monkeypatch):
    """An empty file of winners."""
    monkeypatch.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
    tuned.forget()
    yield engine.cache_file()
    monkeypatch.undo()
    tuned.forget()


def images(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def loss(x, kernel, **options):
    return (jc.conv2d(x, kernel, **options) ** 2).sum()


def test_explains_the_result_and_the_gradients(winners, plain):
    gradient = jax.jit(jax.grad(lambda x, kernel: loss(x, kernel, groups=32, padding=1), (0, 1)))
    found = engine.explain(gradient, images(8, 14, 14, 32), images(3, 3, 1, 32))
    assert [e.task for e in found] == ["result", "kernel gradient", "input gradient"]
    assert {e.algorithm for e in found} == {"shifted_taps"}
    assert str(found[0]) == (
        "result 8x14x14x32 * 3x3x1x32: shifted_taps, because each channel is convolved by itself"
    )


def test_explains_which_layer_it_is(winners, plain):
    model = MODELS["lenet"](10)
    params, state = jax.eval_shape(lambda key: model.init(key, (1, 28, 28, 1)), jax.random.key(0))

    def logits(params, x):
        return model.apply(params, state, x)[0].sum()

    found = engine.explain(jax.jit(jax.grad(logits)), params, images(8, 28, 28, 1))
    assert [(e.where, e.task) for e in found] == [
        ("conv1", "result"),
        ("conv2", "result"),
        ("conv2", "kernel gradient"),
        ("conv2", "input gradient"),
        ("conv1", "kernel gradient"),
    ]
    assert str(found[0]) == (
        "conv1: result 8x28x28x1 * 5x5x1x6: tap_products, because one channel: all in one loop"
    )


@pytest.mark.parametrize(
    ("stack", "found"),
    [
        ("", ""),
        ("jit(loss)/jvp()", ""),
        ("jit(f)/while/body/jvp(block)/conv1", "block/conv1"),
        ("jit(f)/jit(main)/transpose(jvp(block))/conv1", "block/conv1 (gradient)"),
        ("transpose(jvp(conv2))/jaxcnn.result", "conv2 (input gradient)"),
        ("transpose(jvp(conv2))/jaxcnn.kernel_gradient/transpose()", "conv2 (kernel gradient)"),
        ("jvp(conv2)/jaxcnn.result", "conv2"),
        ("vmap(transpose(jvp(pool1)))", "pool1 (gradient)"),
        ("transpose(jvp())/checkpoint/rematted_computation/conv1", "conv1"),
        ("scan/while/body/closed_call/Conv_0", "Conv_0"),
    ],
)
def test_name_stacks(stack, found):
    assert str(place(stack)) == found


def test_native_code_is_taken_where_there_is_some(winners):
    (found,) = engine.explain(
        lambda x, k: jc.conv2d(x, k, padding=2), images(8, 14, 14, 32), images(5, 5, 32, 32)
    )
    assert (found.algorithm == "direct") == (compiler.native().reason == "")


def test_explains_what_was_asked_for(winners):
    (found,) = engine.explain(
        lambda x, k: jc.conv2d(x, k, algorithm="im2col"), images(1, 9, 9, 4), images(3, 3, 4, 4)
    )
    assert (found.algorithm, found.reason) == ("im2col", "it was asked for")


LARGE = {
    "dense": ((8, 56, 56, 64), (3, 3, 64, 64), {"padding": 1}),
    "depthwise": ((8, 112, 112, 96), (3, 3, 1, 96), {"padding": 1, "groups": 96, "stride": 2}),
    "grouped": ((8, 56, 56, 128), (3, 3, 4, 128), {"padding": 1, "groups": 32}),
    "stem": ((8, 224, 224, 3), (3, 3, 3, 32), {"padding": 1, "stride": 2}),
    "pointwise": ((8, 56, 56, 64), (1, 1, 64, 256), {}),
    "volume": ((2, 8, 56, 56, 32), (3, 3, 3, 32, 32), {"padding": 1}),
}


@pytest.mark.parametrize("name", LARGE)
def test_needs_at_most_four_times_the_memory_of_the_operands(name, winners, plain):
    x, kernel, options = LARGE[name]
    conv = jc.conv3d if len(x) == 5 else jc.conv2d

    def fn(x, kernel):
        return conv(x, kernel, **options)

    y = jax.eval_shape(fn, images(*x), images(*kernel))
    own = 4 * sum(np.prod(shape) for shape in (x, kernel, y.shape))
    transposes = {
        "result": (fn, (images(*x), images(*kernel))),
        "input": (lambda t, k: jax.linear_transpose(lambda x: fn(x, k), images(*x))(t), (y, images(*kernel))),
        "kernel": (lambda t, x: jax.linear_transpose(lambda k: fn(x, k), images(*kernel))(t), (y, images(*x))),
    }  # fmt: skip
    for task, (call, args) in transposes.items():
        memory = jax.jit(call).lower(*args).compile().memory_analysis()
        assert memory.temp_size_in_bytes + own <= 4 * own, task


@pytest.mark.slow
def test_tune_keeps_the_fastest_and_auto_takes_it(winners):
    x, kernel = images(2, 8, 8, 4), images(3, 3, 4, 4)
    names = engine.tune(jc.conv2d, x, kernel)
    (winner,) = names.values()
    assert winner in engine.ALGORITHMS
    (found,) = engine.explain(jc.conv2d, x, kernel)
    assert (found.algorithm, found.reason) == (winner, "it was the fastest on this machine")
    tuned.forget()
    assert engine.explain(jc.conv2d, x, kernel) == [found]
    kept = json.loads(winners.read_text())
    assert list(kept["winners"].values()) == [winner]
    assert [path.name for path in winners.parent.iterdir()] == [winners.name]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0, "winners": {}}', '{"format": 1}'])
def test_a_damaged_file_is_ignored_with_a_warning(winners, text):
    winners.write_text(text)
    with pytest.warns(UserWarning, match=r"convolutions-\w+\.json is ignored, it may be deleted"):
        engine.explain(jc.conv2d, images(2, 8, 8, 4), images(3, 3, 4, 4))


def test_a_user_without_a_home_has_convolutions(winners, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("JAXCNN_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pathlib.Path, "home", no_home)
    tuned.forget()
    assert engine.explain(jc.conv2d, images(2, 8, 8, 4), images(1, 1, 4, 4))
    monkeypatch.setattr(pathlib.Path, "home", lambda: pathlib.Path("/dev/null"))
    tuned.forget()
    assert engine.explain(jc.conv2d, images(2, 8, 8, 4), images(1, 1, 4, 4))


def test_a_winner_that_there_is_not_is_ignored(winners):
    tuned.keep({})
    (found,) = engine.explain(jc.conv2d, images(2, 8, 8, 4), images(1, 1, 4, 4))
    held = json.loads(winners.read_text())
    problem = "result (2, (8, 8), 4, (1, 1), 4, (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1, "
    held["winners"] = {problem + "dtype('float32'))": "removed_since"}
    winners.write_text(json.dumps(held))
    tuned.forget()
    assert engine.explain(jc.conv2d, images(2, 8, 8, 4), images(1, 1, 4, 4)) == [found]
    held["winners"] = {problem + "dtype('float32'))": "im2col"}
    winners.write_text(json.dumps(held))
    tuned.forget()
    (other,) = engine.explain(jc.conv2d, images(2, 8, 8, 4), images(1, 1, 4, 4))
    assert other.algorithm == "im2col"


def test_nothing_is_compiled_twice(winners):
    compiled = jax.jit(jax.grad(loss, (0, 1)))
    for _ in range(2):
        compiled(jnp.ones((2, 8, 8, 4)), jnp.ones((3, 3, 4, 4)))
    assert compiled._cache_size() == 1


def convolutions(fn, *args):
    """What an exported program says of its convolutions and products, for CUDA and for TPU."""
    found = []
    for platform in ("cuda", "tpu"):
        module = jax.export.export(jax.jit(fn), platforms=[platform])(*args).mlir_module()
        lines = re.findall(r"stablehlo\.(?:convolution|dot_general)\(.*", module)
        found.append(sorted(re.sub(r"%\w+|loc\(.*", "", line) for line in lines))
    return found


@pytest.mark.parametrize("groups", [1, 4])
def test_gpu_and_tpu_get_the_convolutions_of_lax(groups):
    x, kernel = images(2, 9, 9, 4), images(3, 3, 4 // groups, 8)

    def by_lax(x, kernel):
        y = jax.lax.conv_general_dilated(
            x, kernel, (2, 2), [(1, 1)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip
        return (y**2).sum()

    def ours(x, kernel):
        return loss(x, kernel, stride=2, padding=1, groups=groups)

    found = convolutions(jax.grad(ours, (0, 1)), x, kernel)
    assert [len(lines) for lines in found] == [3, 3]
    assert found == convolutions(jax.grad(by_lax, (0, 1)), x, kernel)
