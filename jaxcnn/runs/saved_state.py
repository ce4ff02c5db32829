"""The state of a training as a checkpoint holds it: a tree of dicts and arrays."""

from typing import Any

import jax
import numpy as np

from jaxcnn.training import TrainState
from jaxcnn.training.averaging import Average
from jaxcnn.training.loss_scale import LossScale

_OPTIONAL = {"average": Average, "loss_scale": LossScale}
"""The parts of a state that only some trainings have."""


def keys_data(keys: Any) -> dict[str, list[Any]]:
    """The random streams of a run or of a sweep's members, as a checkpoint's header holds them."""
    return {
        name: np.asarray(jax.random.key_data(key)).tolist() for name, key in keys._asdict().items()
    }


def to_arrays(state: Any, totals: Any) -> dict[str, Any]:
    """What is saved of a state and totals, or of their shapes; what is not there has no entry."""
    sums = totals._asdict()
    if not sums["further"]:
        del sums["further"]
    its = state._asdict()
    for name in _OPTIONAL:
        part = its.pop(name)
        if part is not None:
            its[name] = part._asdict()
    return {"state": its, "totals": sums}


def state_of(arrays: dict[str, Any]) -> TrainState:
    """The state of which `to_arrays` has made a dict."""
    parts = {name: kind(**arrays[name]) for name, kind in _OPTIONAL.items() if name in arrays}
    return TrainState(**{**arrays, **parts})


def model_in(arrays: dict[str, Any]) -> dict[str, Any]:
    """The model's part of what is saved: the averages, if there are any."""
    its = arrays["state"].get("average", arrays["state"])
    return {name: its[name] for name in ("params", "model_state")}


def in_containers(found: Any, tree: Any) -> Any:
    """The arrays of ``found`` in the containers of ``tree``."""
    leaves = [leaf for _, leaf in jax.tree_util.tree_leaves_with_path(found)]
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)
