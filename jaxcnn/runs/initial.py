"""The parameters that a run begins with, where they come from a file."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcnn.errors import UserError
from jaxcnn.interop import from_torch, load_weights
from jaxcnn.interop.safetensors_file import named
from jaxcnn.layers import Layer
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.log import say
from jaxcnn.training.freezing import check_patterns, parameter_paths


def given_weights(
    config: TrainConfig, model: Layer, image_shape: Sequence[int]
) -> dict[str, np.ndarray]:
    """The arrays that ``--init-from`` gives, by their paths; the others stay as drawn.

    Args:
        config: what the run is told.
        model: its model.
        image_shape: ``(h, w, c)``.

    Raises:
        UserError: if the file cannot be read or does not fit the model, or if ``--freeze``
            matches nothing.
    """
    shape = (1, *image_shape)
    paths = paths_of(model, shape)
    check_patterns(config.freeze, paths)
    if config.init_from is None:
        return {}
    head = paths[-1].rpartition("/")[0] if config.skip_head else None
    if head == "":
        raise UserError(f"--skip-head: {config.model} has no layer before its last one")
    skip = [] if head is None else [f"{head}/*", f"{head.replace('/', '.')}.*"]
    found = _loaded(config.init_from)
    try:
        params, state = from_torch(model, found, shape, skip=skip)
    except ValueError as error:
        sentence = str(error).removeprefix("from_torch: ")
        raise UserError(f"--init-from {config.init_from}: {sentence}") from None
    say(f"parameters: from {config.init_from}" + (f", but {head} as drawn" if head else ""))
    arrays = {**named(params), **named(state, "state/")}
    drawn = () if head is None else [path for path in paths if path.startswith(f"{head}/")]
    return {name: array for name, array in arrays.items() if name not in drawn}


def init_facts(path: Path) -> dict[str, Any]:
    """What a run writes down of the file that it begins with: its digest."""
    with path.expanduser().open("rb") as file:
        return {"init_sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def paths_of(model: Layer, shape: tuple[int, ...]) -> list[str]:
    """The paths of a model's parameters, in the order of its layers."""
    paths: list[str] = []

    def drawn(key: jax.Array) -> Any:
        params, state = model.init(key, shape)
        paths.extend(parameter_paths(params))
        return params, state

    jax.eval_shape(drawn, jax.random.key(0))
    return paths


def _loaded(path: Path) -> Any:
    """The weights in a file; what is to be said of them is said in the run's log."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = load_weights(path)
    for warning in caught:
        say(f"note: {warning.message}")
    return found
