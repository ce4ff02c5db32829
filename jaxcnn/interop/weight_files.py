"""Reads and writes the weights of models in files: safetensors, NumPy's and PyTorch's."""

import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.safetensors_file import LAYOUT, named, saved
from jaxcnn.layers import Layer, Params, State
from jaxcnn.reading import open_file
from jaxcnn.writing import write_whole

TAG = "jaxcnn"
"""The entry of a file that says whose names and order of axes it has."""

_DTYPES: dict[str, Any] = {
    "F16": jnp.float16,
    "BF16": jnp.bfloat16,
    "F32": np.float32,
    "F64": np.float64,
}
_DTYPES |= {f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)}
_DTYPES |= {f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)}
_DTYPES |= {"BOOL": np.dtype(bool)}


class Weights(dict[str, np.ndarray]):
    """The arrays of a file by name.

    Args:
        arrays: the arrays.
        ours: whether the names and the order of axes are those of this package; ``None`` if
            nothing says so.

    Attributes:
        ours: whether the names and the order of axes are those of this package
            (``conv1/kernel``, and ``state/`` before a running statistic), or torch's. ``None``
            if the file does not say: then names with slashes are this package's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], *, ours: bool | None) -> None:
        super().__init__(arrays)
        self.ours = ours


def load_weights(path: str | Path) -> Weights:
    """Read the weights in a file, for `from_torch`. Nothing in the file is executed.

    Args:
        path: a ``.safetensors`` or ``.npz`` file, or a state dict of PyTorch (``.pt`` or
            ``.pth``), which needs torch. A file without the tag of this package is taken to have
            the names and the order of axes of torch, unless names have slashes.

    Returns:
        The arrays by name. Numbers in float16 and bfloat16 are converted to float32, and a
        warning says so.

    Raises:
        InteropError: if the file does not exist, is damaged, is of another kind or is a pickle.

    >>> import tempfile
    >>> from jaxcnn.layers import Dense
    >>> model = Dense(3)
    >>> params, state = model.init(jax.random.key(0), (1, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_safetensors(f"{folder}/dense.safetensors", model, params, state)
    ...     weights = load_weights(f"{folder}/dense.safetensors")
    >>> {name: array.shape for name, array in weights.items()}
    {'bias': (3,), 'kernel': (2, 3)}
    """
    path = Path(path).expanduser()
    read = _READERS.get(path.suffix)
    if read is None:
        raise InteropError(
            f"{path}: the name of a file of weights must end in {', '.join(_READERS)}; pickles of "
            f"other kinds are not read, because they can run code"
        )
    try:
        weights = read(path)
    except OSError as error:
        raise InteropError(f"{path} cannot be read: {error.strerror or error}") from None
    narrow = sorted({array.dtype.name for array in weights.values() if _is_narrow(array)})
    if narrow:
        warnings.warn(
            f"{path} holds {' and '.join(narrow)} numbers, which are converted to float32",
            stacklevel=2,
        )
    wide = {name: a.astype(np.float32) if _is_narrow(a) else a for name, a in weights.items()}
    return Weights(wide, ours=weights.ours)


def save_safetensors(path: str | Path, model: Layer, params: Params, state: State) -> None:
    """Write the weights of a model to a safetensors file, by their paths (``conv1/kernel``).

    Args:
        path: the file, which is replaced if it exists; its name ends in ``.safetensors``.
        model: the model, which may be of one's own.
        params: its parameters.
        state: its running statistics; their names begin with ``state/``.

    Raises:
        InteropError: if the name ends otherwise, or the file cannot be written.

    >>> from jaxcnn.layers import Dense
    >>> save_safetensors("dense.pt", Dense(3), {}, {})
    Traceback (most recent call last):
    ...
    jaxcnn.errors.UserError: save_safetensors: the name must end in .safetensors, got dense.pt
    """
    path = Path(path).expanduser()
    if path.suffix != ".safetensors":
        raise InteropError(f"save_safetensors: the name must end in .safetensors, got {path}")
    kind = model.description.name if model.description is not None else "Layer"
    card = json.dumps({"layer": kind, "layout": LAYOUT})
    write_whole(path, saved({**named(params), **named(state, "state/")}, card))


def _is_narrow(array: np.ndarray) -> bool:
    return array.dtype in (jnp.float16, jnp.bfloat16)


def _is_ours(card: Any, path: Path) -> bool:
    """Whether a tag says that names and axes are this package's; exports to torch have one."""
    try:
        return bool(json.loads(card)["layout"].startswith("NHWC"))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InteropError(f"{path} is damaged: its tag {TAG!r} does not say its layout") from None


def _safetensors(path: Path) -> Weights:
    from safetensors import SafetensorError, deserialize

    with open_file(path) as file:
        content = file.read()
    _refuse_pickle(content, path)
    try:
        found = dict(deserialize(content))
    except SafetensorError as error:
        raise InteropError(f"{path} is no whole safetensors file: {error}") from None
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    card = header.get("__metadata__", {}).get(TAG)
    odd = sorted({entry["dtype"] for entry in found.values()} - _DTYPES.keys())
    if odd:
        raise InteropError(f"{path} holds numbers of type {', '.join(odd)}, which are not read")
    arrays = {
        name: np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in sorted(found.items())
    }
    return Weights(arrays, ours=None if card is None else _is_ours(card, path))


def _npz(path: Path) -> Weights:
    try:
        with open_file(path) as file:
            _refuse_pickle(file.read(2), path)
            file.seek(0)
            with np.load(file) as found:  # it refuses pickles
                arrays = {name: found[name] for name in found.files}
    except InteropError:
        raise
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, AttributeError) as error:
        raise InteropError(f"{path} is no whole .npz file of numbers: {error}") from None
    card = arrays.pop(TAG, None)
    return Weights(arrays, ours=None if card is None else _is_ours(str(card), path))


def _pt(path: Path) -> Weights:
    with open_file(path) as file:
        if find_spec("torch") is None:
            raise InteropError(f"{path} is a file of PyTorch, which needs the package torch")
        torch = import_module("torch")
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # torch lets errors of many libraries through
            raise InteropError(
                f"{path} is no state dict of PyTorch: it is damaged, or it holds more than "
                f"tensors, which could run code and is not read"
            ) from None
    if not isinstance(found, Mapping) or not all(map(torch.is_tensor, found.values())):
        held = ", ".join(map(repr, found)) if isinstance(found, Mapping) else type(found).__name__
        raise InteropError(f"{path} must hold tensors by name, got {held:.200}")
    return Weights({str(name): as_array(value) for name, value in found.items()}, ours=False)


_READERS: dict[str, Callable[[Path], Weights]] = {
    ".safetensors": _safetensors,
    ".npz": _npz,
    ".pt": _pt,
    ".pth": _pt,
}


def _refuse_pickle(start: bytes, path: Path) -> None:
    """Every pickle of the last twenty years begins with the byte 0x80 and its protocol."""
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise InteropError(f"{path} is a pickle, which can run code: it is not read")


def as_array(value: Any) -> np.ndarray:
    """A NumPy array, from a tensor of torch too, which may be on a device or in bfloat16.

    >>> as_array([1, 2])
    array([1, 2])
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return np.asarray(value)
