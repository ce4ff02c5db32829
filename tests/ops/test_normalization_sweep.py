"""The normalizations on shapes and options that hypothesis draws."""

import importlib.util
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference.register import reference
from tests.ops.properties import quick, strictly
from tests.ops.suite import torch_twin
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None


def _agree(op: str, arrays: list[np.ndarray], options: dict[str, Any]) -> None:
    """Hold the op and its gradients against torch, or its results against the reference."""
    with strictly(x64=True):

        @quick
        def both(*arrays: Any) -> tuple[Any, Any]:
            y, pullback = jax.vjp(lambda *a: getattr(jc, op)(*a, **options), *arrays)
            return y, pullback(jnp.cos(y))

        y, gradients = both(*arrays)
    if not TORCH:
        oracle = reference(op)
        assert oracle is not None
        np.testing.assert_allclose(y, oracle(*arrays, **options), rtol=1e-11, atol=1e-11)
        return
    import torch

    twin = torch_twin(op)
    assert twin is not None
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    want = twin(*tensors, **options)
    cotangent = want.detach().cos().contiguous()
    wanted = torch.autograd.grad(want, tensors, cotangent)
    for a, b in zip((y, *gradients), (want.detach(), *wanted), strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-10, atol=1e-10)


sizes = st.integers(1, 3)
seeds = st.integers(0, 2**32 - 1)


@sweep(15)
@given(st.lists(sizes, min_size=1, max_size=4), st.data(), st.booleans(), seeds)
def test_layer_and_rms_norm_over_any_axes(
    shape: list[int], data: st.DataObject, centred: bool, seed: int
) -> None:
    count = len(shape)
    counted = data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
    axes = tuple(axis - count * data.draw(st.booleans()) for axis in counted)
    features = [shape[axis] for axis in sorted(counted)]
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(s) for s in (shape, features, features)]
    options = {"axes": axes, "epsilon": 0.1}
    if centred:
        _agree("layer_norm", arrays, options)
    else:
        _agree("rms_norm", arrays[:2], options)


@sweep(15)
@given(
    st.sampled_from(["group_norm", "instance_norm", "local_response_norm"]),
    sizes,
    st.lists(sizes, min_size=1, max_size=3),
    sizes,
    sizes,
    st.booleans(),
    seeds,
)
def test_channel_norms_of_any_shape(
    op: str, n: int, spatial: list[int], groups: int, size: int, last: bool, seed: int
) -> None:
    # Two examples at least: for one, torch's own gradient of `instance_norm` is wrong when its
    # strides are channels-last (torch 2.13).
    n, channels = n + 1, groups * size
    if op == "instance_norm":
        spatial = [spatial[0] + 1, *spatial[1:]]
    layouts = ("NWC", "NHWC", "NDHWC") if last else ("NCW", "NCHW", "NCDHW")
    shape = (n, *spatial, channels) if last else (n, channels, *spatial)
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(s) for s in (shape, channels, channels)]
    own: dict[str, Any] = {
        "group_norm": {"groups": groups, "epsilon": 0.1},
        "instance_norm": {"epsilon": 0.1},
        "local_response_norm": {"size": size + 1, "alpha": 0.5},
    }[op]
    arrays = arrays[:1] if op == "local_response_norm" else arrays
    _agree(op, arrays, {"layout": layouts[len(spatial) - 1], **own})
