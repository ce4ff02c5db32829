"""Tests reading and writing files of weights, and what is refused."""

import json
import os
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.interop import (
    InteropError,
    from_torch,
    load_weights,
    save_safetensors,
    to_state_dict,
)
from jaxcnn.interop.safetensors_file import saved
from jaxcnn.layers import BatchNorm, Conv2d, Flatten, Layer, Sequential, named_key
from tests.patience import within

SHAPE = (1, 4, 5, 3)


def own():
    """A layer that this package does not know."""

    def init(key, input_shape):
        return {"gain": jax.random.normal(named_key(key, "gain"), (2,))}, {}

    return Layer(init, lambda params, state, x, **_: (x * params["gain"][None, None, None], state))


MODEL = Sequential(conv=Conv2d(2, 3), norm=BatchNorm(), own=own(), flat=Flatten())
KNOWN = Sequential(conv=Conv2d(2, 3), norm=BatchNorm())


def drawn(model):
    return model.init(jax.random.key(7), SHAPE)


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_weights_of_a_model_of_ones_own_come_back(tmp_path):
    path, weights = tmp_path / "own.safetensors", drawn(MODEL)
    save_safetensors(path, MODEL, *weights)
    assert "state/norm/mean" in load_weights(path)
    same(from_torch(MODEL, load_weights(path), SHAPE), weights)


def test_a_file_without_a_tag_has_the_names_of_torch(tmp_path):
    from safetensors.numpy import save_file

    weights = drawn(KNOWN)
    arrays = to_state_dict(KNOWN, *weights, SHAPE)
    save_file(arrays, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", **arrays)
    (tmp_path / "b.safetensors").write_bytes(saved(arrays, '{"layout": "NCHW"}'))
    for name in ("a.safetensors", "a.npz", "b.safetensors"):
        same(from_torch(KNOWN, load_weights(tmp_path / name), SHAPE), weights)


def test_paths_with_slashes_need_no_tag(tmp_path):
    """A file that was converted, to half precision for example, has lost its tag."""
    from safetensors.numpy import save_file

    save_safetensors(tmp_path / "own.safetensors", MODEL, *drawn(MODEL))
    arrays = dict(load_weights(tmp_path / "own.safetensors"))
    save_file(arrays, tmp_path / "bare.safetensors")
    same(from_torch(MODEL, load_weights(tmp_path / "bare.safetensors"), SHAPE), drawn(MODEL))
    same(from_torch(MODEL, arrays, SHAPE), drawn(MODEL))
    same(from_torch(MODEL, arrays | {"step": np.ones(1)}, SHAPE, skip=["step"]), drawn(MODEL))
    with pytest.raises(InteropError, match="^from_torch: step is not of the model$"):
        from_torch(MODEL, arrays | {"step": np.ones(1)}, SHAPE)
    del arrays["own/gain"]
    with pytest.raises(InteropError, match="^from_torch: own/gain is missing$"):
        from_torch(MODEL, arrays, SHAPE)


def test_an_npz_with_our_tag(tmp_path):
    params, state = drawn(KNOWN)
    arrays = {f"conv/{name}": array for name, array in params["conv"].items()}
    arrays |= {f"norm/{name}": array for name, array in params["norm"].items()}
    arrays |= {f"state/norm/{name}": array for name, array in state["norm"].items()}
    np.savez(tmp_path / "a.npz", jaxcnn=json.dumps({"layout": "NHWC"}), **arrays)
    same(from_torch(KNOWN, load_weights(tmp_path / "a.npz"), SHAPE), (params, state))


@pytest.mark.parametrize("kind", [jnp.float16, jnp.bfloat16])
def test_half_precision_is_converted_and_said(tmp_path, kind):
    path, array = tmp_path / "half.safetensors", np.array([1.5, -2.0]).astype(kind)
    name = {"float16": "F16", "bfloat16": "BF16"}[array.dtype.name]
    header = json.dumps({"w": {"dtype": name, "shape": [2], "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + array.tobytes()
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=f"holds {array.dtype.name} numbers, which are converted"):
        found = load_weights(path)
    assert found["w"].dtype == np.float32
    np.testing.assert_array_equal(found["w"], [1.5, -2.0])


def test_a_truncated_file(tmp_path):
    save_safetensors(tmp_path / "a.safetensors", KNOWN, *drawn(KNOWN))
    np.savez(tmp_path / "a.npz", a=np.ones(100))
    for name, what in (("a.safetensors", "no whole safetensors"), ("a.npz", "no whole .npz")):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InteropError, match=f"{name} is {what} file"):
            load_weights(path)


class Harmful:
    """Unpickled, it leaves a mark."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".pt", ".pth", ".pkl", ".bin"])
def test_a_pickle_is_refused_under_any_name(tmp_path, ending):
    import pickle

    mark, path = tmp_path / "mark", tmp_path / f"weights{ending}"
    path.write_bytes(pickle.dumps({"w": Harmful(mark)}))
    with pytest.raises(InteropError, match=r"(can|could) run code|needs the package torch"):
        load_weights(path)
    assert not mark.exists()


def test_objects_in_an_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(InteropError, match=r"a\.npz is no whole \.npz file of numbers"):
        load_weights(tmp_path / "a.npz")


def test_a_state_dict_of_torch(tmp_path):
    path = tmp_path / "a.pt"
    try:
        import torch
    except ImportError:
        path.write_bytes(b"PK")
        with pytest.raises(InteropError, match=r"a\.pt is a file of PyTorch, which needs the package torch$"):  # fmt: skip
            load_weights(path)
        return
    weights = drawn(KNOWN)
    arrays = to_state_dict(KNOWN, *weights, SHAPE)
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    same(from_torch(KNOWN, load_weights(path), SHAPE), weights)
    torch.save({"epoch": 3, "model": {}}, path)
    with pytest.raises(InteropError, match=r"must hold tensors by name, got 'epoch', 'model'$"):
        load_weights(path)


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".pt"])
def test_a_pipe_is_not_waited_for(tmp_path, ending):
    os.mkfifo(tmp_path / f"weights{ending}")
    with within(20), pytest.raises(InteropError, match="it is a named pipe, expected a file"):
        load_weights(tmp_path / f"weights{ending}")


def test_no_such_file(tmp_path):
    with pytest.raises(InteropError, match=r"a\.npz cannot be read: No such file or directory$"):
        load_weights(tmp_path / "a.npz")


def test_the_nearest_names_are_beside_the_wrong_ones():
    arrays = to_state_dict(KNOWN, *drawn(KNOWN), SHAPE)
    arrays["conv1.weight"] = arrays.pop("conv.weight")
    sentence = (
        "from_torch: conv.weight is missing, did you mean 'conv1.weight'?; "
        "conv1.weight is not of the model, did you mean 'conv.weight'?"
    )
    with pytest.raises(InteropError, match=f"^{re.escape(sentence)}$"):
        from_torch(KNOWN, arrays, SHAPE)


def test_skipped_names_stay_as_they_were():
    weights, (params, state) = drawn(KNOWN), KNOWN.init(jax.random.key(1), SHAPE)
    arrays = to_state_dict(KNOWN, *weights, SHAPE)
    arrays["conv.bias"] = np.zeros(9)  # of another shape
    found, _ = from_torch(KNOWN, arrays, SHAPE, skip=["conv.*"], start=(params, state))
    same(found["conv"], params["conv"])
    same(found["norm"], weights[0]["norm"])
    drawn_anew, _ = from_torch(KNOWN, arrays, SHAPE, skip=["conv.*"])
    same(drawn_anew["conv"], KNOWN.init(jax.random.key(0), SHAPE)[0]["conv"])
