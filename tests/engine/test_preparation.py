"""Prepared functions: the same bits as the program as it is, with less to compute in each call."""

import functools
import itertools
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback

import jaxcnn as jc
from jaxcnn.engine import computed_ahead, prepare
from jaxcnn.engine.packed_convolution import PackedBy
from jaxcnn.layers import Activation, BatchNorm, Conv2d, Dense, GlobalAvgPool, Residual, Sequential
from tests.engine.preparing import (
    KERNEL,
    NATIVE,
    X,
    check_bits,
    conv,
    drawn,
    packed_in,
    program_of,
    swapped,
)


def network() -> Any:
    """A network, its parameters, a state that is not of ones and zeros, and images."""
    block = Residual(
        Sequential(
            conv1=Conv2d(16, 3, padding=1, bias=False), norm=BatchNorm(), act=Activation("relu"),
            conv2=Conv2d(16, 3, padding=1), norm2=BatchNorm(epsilon=1e-3),
        ),
        activation="relu",
    )  # fmt: skip
    layers = Conv2d(16, 3, stride=2, bias=False), BatchNorm(), Activation("relu"), block
    model = Sequential(*layers, GlobalAvgPool(), Dense(10))
    params, state = model.init(jax.random.key(0), (2, 15, 14, 3))
    state = jax.tree.map(lambda a: a + 0.1 * jnp.abs(drawn(*a.shape)), state)
    return model, params, state, drawn(2, 15, 14, 3)


# A function of a kernel and images, both, and whether native code packs the kernel.
CASES: dict[str, tuple[Any, Any, Any, bool]] = {
    "winograd": (swapped, KERNEL, X, True),
    "winograd of many channels": (swapped, drawn(3, 3, 192, 64), drawn(2, 9, 8, 192), True),
    "winograd of many tiles": (swapped, drawn(3, 3, 192, 64), drawn(15, 9, 8, 192), False),
    "stride": (lambda k, x: conv(x, k, stride=2), KERNEL, X, True),
    "dilation": (lambda k, x: conv(x, k, dilation=2), KERNEL, X, True),
    "few features": (swapped, drawn(5, 5, 16, 6), X, True),
    "parts of vectors": (swapped, drawn(5, 5, 16, 23), X, True),
    "depthwise": (lambda k, x: conv(x, k, groups=16), drawn(3, 3, 1, 16), X, True),
    "two groups": (lambda k, x: conv(x, k, groups=2), drawn(3, 3, 8, 40), X, True),
    "transposed": (lambda k, x: jc.conv_transpose2d(x, k, stride=2), drawn(3, 3, 16, 32), X, True),
    "volume": (lambda k, x: jc.conv3d(x, k), drawn(3, 2, 2, 4, 16), drawn(2, 5, 6, 5, 4), True),
    "signal": (lambda k, x: jc.conv1d(x, k), drawn(3, 4, 16), drawn(2, 9, 4), True),
    "channels first": (lambda k, x: jc.conv2d(x, k, layout="NCHW"), KERNEL, drawn(2, 16, 9, 8), True),
    "one element": (swapped, drawn(1, 1, 16, 32), X, False),
    "a wide window": (lambda k, x: jc.conv2d(x, k), drawn(9, 8, 16, 16), drawn(2, 10, 10, 16), False),
    "float64": (swapped, np.asarray(KERNEL, float), np.asarray(X, float), False),
    "half": (swapped, KERNEL.astype(jnp.bfloat16), X.astype(jnp.bfloat16), True),
    "half made before": (lambda k, x: conv(x, k.astype(x.dtype)), KERNEL, X.astype(jnp.bfloat16), False),
    "kernel made before": (lambda k, x: conv(x, 2 * jnp.flip(k, 0)), KERNEL, X, True),
    "kernel cast before": (lambda k, x: conv(x, k.astype(np.float32)), np.asarray(KERNEL, np.float16), X, True),
    "kernel reshaped before": (lambda k, x: conv(x, k.reshape(3, 3, 16, 32)), KERNEL.reshape(9, -1), X, True),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_same_bits(name: str) -> None:
    function, kernel, x, packed = CASES[name]
    with jax.enable_x64(name == "float64"):
        prepared = check_bits(function, kernel, x)
        assert packed_in(prepared, x) == (packed and NATIVE)


@pytest.mark.parametrize("name", ["winograd", "few features", "depthwise"])
def test_same_bits_without_native_code(plain: None, name: str) -> None:
    function, kernel, x, _ = CASES[name]
    # What was compiled with native code has the same key in the caches of JAX.
    jax.clear_caches()
    prepared = check_bits(function, kernel, x)
    assert packed_in(prepared, x) == 0
    jax.clear_caches()


def test_batch_sizes() -> None:
    prepared = prepare(swapped, KERNEL)
    for batch in (1, 2, 5, 40):
        x = drawn(batch, 9, 8, 16)
        np.testing.assert_array_equal(prepared(x), jax.jit(swapped)(KERNEL, x))


def test_one_kernel_in_several_orders() -> None:
    def function(kernel: Any, x: Any, few: Any) -> Any:
        up = [jc.conv_transpose2d(x, kernel, stride=stride) for stride in (2, 3, (1, 2))]
        wide = [conv(x, few), conv(x[:, :, :7], few), conv(x, few, stride=2)]
        groups = [conv(x, kernel[:, :, :8], groups=2), conv(x, kernel, dilation=2)]
        return up, wide, groups

    check_bits(
        lambda kernel, few, x: function(kernel, x, few), KERNEL, drawn(3, 3, 16, 6), X, known=2
    )


def test_a_network() -> None:
    model, params, state, x = network()

    def logits(params: Any, state: Any, x: Any) -> Any:
        return model.apply(params, state, x)[0]

    prepared = check_bits(logits, params, state, x, known=2)
    assert packed_in(prepared, x) == 3 * NATIVE
    # The factors of the batch norms are computed already.
    assert "rsqrt" in str(jax.make_jaxpr(logits)(params, state, x))
    assert "rsqrt" not in program_of(prepared, x)


def test_the_state_comes_back() -> None:
    model, params, state, x = network()
    prepared = check_bits(model.apply, params, state, x, known=2)
    _, same = prepared(x)
    assert jax.tree.leaves(same)[0] is jax.tree.leaves(state)[0]


def test_packed_once_for_all_shapes(monkeypatch: Any) -> None:
    """Neither is a kernel packed again for other shapes, nor anything else computed again."""
    packed, computed = [], []
    pack, needed_for = PackedBy.pack, computed_ahead.needed_for

    def counted(by: Any, kernel: Any) -> Any:
        packed.extend([by] if isinstance(kernel, jax.core.Tracer) else [])
        return pack(by, kernel)

    def listed(*args: Any) -> Any:
        computed.append(len(needed_for(*args)))
        return needed_for(*args)

    monkeypatch.setattr(PackedBy, "pack", counted)
    monkeypatch.setattr(computed_ahead, "needed_for", listed)

    def scaled(kernel: Any, x: Any) -> Any:
        return conv(x, 2 * kernel) * jnp.exp(kernel[:1, :1, :1])

    prepared = prepare(scaled, KERNEL)
    prepared(X)
    # Once for the shape of the packed kernel, once for its numbers.
    assert len(packed) == 2 * NATIVE
    assert computed[-1] >= 2
    prepared(drawn(3, 9, 8, 16))
    prepared(drawn(3, 9, 11, 16))
    assert len(packed) == 4 * NATIVE
    assert computed[1:] == [0, 0]


def test_traced_once_for_a_shape() -> None:
    traced = []

    def function(kernel: Any, x: Any) -> Any:
        traced.append(x.shape)
        return conv(x, kernel)

    prepared = prepare(function, KERNEL)
    for _ in range(3):
        prepared(X), prepared(X[:1])
    assert traced == [X.shape, X[:1].shape]


def test_precision_highest() -> None:
    """It has other algorithms, and a prepared function takes the precision of each call."""
    prepared = check_bits(lambda k, x: conv(x, k, precision="highest"), KERNEL, X)
    assert ("winograd" in program_of(prepared, X)) is False
    prepared = check_bits(swapped, KERNEL, X)
    usual = prepared(X)
    with jax.default_matmul_precision("highest"):
        exact = prepared(X)
        np.testing.assert_array_equal(exact, jax.jit(swapped)(KERNEL, X))
    assert bool((usual == exact).all()) is not NATIVE
    np.testing.assert_array_equal(prepared(X), usual)


@pytest.mark.parametrize("algorithm", ["im2col", "winograd", "tap_products", "lax", "direct"])
def test_an_algorithm_by_name(algorithm: str) -> None:
    if algorithm == "direct" and not NATIVE:
        pytest.skip("there is no native code")
    prepared = check_bits(lambda k, x: conv(x, k, algorithm=algorithm), KERNEL, X)
    assert packed_in(prepared, X) == (algorithm == "direct")


def test_accelerated_convolutions_of_jax() -> None:
    def function(kernel: Any, x: Any) -> Any:
        axes = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=axes)

    prepared = check_bits(function, KERNEL, X)
    assert packed_in(prepared, X) == 0
    with jc.accelerate():
        np.testing.assert_array_equal(prepared(X), jax.jit(function)(KERNEL, X))
        assert packed_in(prepared, X) == NATIVE


def test_nothing_is_given() -> None:
    """What a function holds is known, too."""
    prepared = check_bits(lambda x: conv(x, KERNEL), X, known=0)
    assert packed_in(prepared, X) == NATIVE
    check_bits(lambda x, y: conv(x, y), X, KERNEL, known=0)


def test_everything_is_known() -> None:
    prepared = check_bits(swapped, KERNEL, X, known=2)
    assert "conv" not in program_of(prepared)
    first, second = prepared(), prepared()
    first.delete()
    assert bool(jnp.isfinite(second).all())


def test_results_of_all_kinds() -> None:
    def function(a: Any, x: Any) -> Any:
        return {"given": a, "known": a + 1, "argument": x, "number": 3.0, "all": [a * x, None]}

    a = drawn(8)
    prepared = check_bits(function, a, drawn(8))
    assert prepared(a)["given"] is a


def test_results_that_are_nearly_alike() -> None:
    """Other factors, and two results of one operation, are not taken for each other."""

    def function(a: Any, x: Any) -> Any:
        return 2 * a, 3 * a, 2 * a, lax.sort((a, -a)), x

    check_bits(function, drawn(8), drawn(8))


def test_arguments_of_all_kinds() -> None:
    def function(mode: str, a: Any, options: Any, x: Any, more: Any) -> Any:
        return (a @ a if mode == "square" else a) * options["scale"] * x["x"] + more

    args = "square", np.asarray(drawn(4, 4)), {"scale": 2, "none": None}, {"x": drawn(4, 4)}, 3
    got = prepare(function, *args[:3])(*args[3:])
    want = jax.jit(functools.partial(function, *args[:3]))(*args[3:])
    np.testing.assert_array_equal(got, want)


def test_arrays_of_numpy_are_copied() -> None:
    kernel = np.array(KERNEL)
    prepared = prepare(swapped, kernel)
    kernel[:] = 0
    np.testing.assert_array_equal(prepared(X), jax.jit(swapped)(KERNEL, X))


def test_what_is_known_is_computed_once() -> None:
    calls = []

    def host(a: Any) -> Any:
        calls.append("known")
        return np.asarray(a) * 2

    def function(a: Any, x: Any) -> Any:
        jax.debug.callback(lambda: calls.append("call"))
        return jax.pure_callback(host, jax.typeof(a), a) + x

    prepared = prepare(function, drawn(4))
    for _ in range(3):
        jax.block_until_ready(prepared(drawn(4)))
    jax.effects_barrier()
    assert sorted(calls) == ["call"] * 3 + ["known"]


def test_what_acts_on_the_host_does_so_in_each_call() -> None:
    count = itertools.count()

    def function(a: Any, x: Any) -> Any:
        number = io_callback(
            lambda _: np.float32(next(count)), jax.ShapeDtypeStruct((), a.dtype), a
        )
        return number + x

    prepared = prepare(function, drawn(4))
    assert [float(prepared(jnp.zeros(()))) for _ in range(3)] == [0, 1, 2]


def test_random_numbers_of_a_known_key() -> None:
    def function(key: Any, x: Any) -> Any:
        return x + jax.random.normal(jax.random.fold_in(key, 1), x.shape)

    prepared = check_bits(function, jax.random.key(3), X)
    assert "threefry" not in program_of(prepared, X)
    assert "random" not in program_of(prepared, X)


def test_what_is_rounded_together_stays_together() -> None:
    """A product that is added, a root that divides, and numbers in half precision."""

    def function(a: Any, b: Any, x: Any) -> Any:
        narrow = (a.astype(jnp.bfloat16) * b.astype(jnp.bfloat16)) + x.astype(jnp.bfloat16)
        moved = (a * b)[:1], jnp.flip(jnp.swapaxes(a * b, 0, 1), 1).T
        return a * b + x, x - moved[0], x + moved[1], x / jnp.sqrt(jnp.abs(a)), narrow

    a, b, x = drawn(7, 1000), drawn(7, 1000), drawn(7, 1000)
    prepared = check_bits(function, a, b, x, known=2)
    program = program_of(prepared, x)
    assert all(name in program for name in (" mul ", " sqrt ", "bf16[7,1000] = convert"))


def test_nothing_large_is_stored() -> None:
    """A bias spread over the images is read as it was given."""

    def function(bias: Any, x: Any) -> Any:
        rows = jnp.arange(x.shape[1], dtype=x.dtype)[:, None, None]
        return x + jnp.broadcast_to(jnp.exp(bias), x.shape) + jnp.broadcast_to(rows, x.shape)

    bias, x = drawn(16), drawn(2, 90, 80, 16)
    prepared = check_bits(function, bias, x)
    assert sum(const.size for const in jax.make_jaxpr(prepared)(x).consts) <= 16


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: prepare({"kernel": KERNEL}), "`function` must be a function, got dict"),
        (lambda: prepare(swapped, KERNEL)("images"), "must be arrays, got str: give options"),
        (lambda: jax.jit(lambda k: prepare(swapped, k)(X))(KERNEL), "one is being traced: call"),
        (
            lambda: jax.jit(lambda k: prepare(lambda x: conv(x, k))(X))(KERNEL),
            "holds an array that is being traced: make it an argument",
        ),
    ],
)
def test_wrong_use(call: Any, error: str) -> None:
    with pytest.raises(TypeError, match=f"prepare: .*{error}"):
        call()


def test_a_print_of_an_argument(capfd: Any) -> None:
    def function(a: Any, x: Any) -> Any:
        jax.debug.print("sum {}", x.sum())
        return a + x

    prepared = prepare(function, jnp.ones(2))
    np.testing.assert_array_equal(prepared(jnp.ones(2)), [2, 2])
    jax.effects_barrier()
    assert capfd.readouterr().out == "sum 2.0\n"
