"""The state of a training as a checkpoint holds it: a tree of dicts and arrays."""

from typing import Any

import jax
import numpy as np

from jaxcnn.training import TrainState
from jaxcnn.training.averaging import Average


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
    del its["average"]
    if state.average is not None:
        its["average"] = state.average._asdict()
    return {"state": its, "totals": sums}


def state_of(arrays: dict[str, Any]) -> TrainState:
    """The state of which `to_arrays` has made a dict."""
    average = arrays.get("average")
    return TrainState(**{**arrays, "average": None if average is None else Average(**average)})


def model_in(arrays: dict[str, Any]) -> dict[str, Any]:
    """The model's part of what is saved: the averages, if there are any."""
    its = arrays["state"].get("average", arrays["state"])
    return {name: its[name] for name in ("params", "model_state")}


def in_containers(found: Any, tree: Any) -> Any:
    """The arrays of ``found`` in the containers of ``tree``."""
    leaves = [leaf for _, leaf in jax.tree_util.tree_leaves_with_path(found)]
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)
