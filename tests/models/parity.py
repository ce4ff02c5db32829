"""The differences between a model of the zoo and its golden file."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.interop import from_torch, to_state_dict
from jaxcnn.layers import Layer, Params, State
from tests.models.zoo import ZooCase, drawn, numbers_of, torch_shapes

RUNNING = ("running_mean", "running_var")


class Differences(NamedTuple):
    """The largest differences from torch, each as a part of the largest number.

    Attributes:
        parameters: the number of parameters here.
        evaluated: of the logits in evaluation.
        trained: of the logits in training.
        statistics: of the new running statistics.
        gradients: of the gradients of the parameters.
    """

    parameters: int
    evaluated: float
    trained: float
    statistics: float
    gradients: float


def loaded(case: ZooCase, model: Layer) -> tuple[Params, State]:
    """Parameters and statistics drawn by torch's names."""
    return from_torch(model, drawn(torch_shapes(case, model)), case.shape)


def differences(case: ZooCase) -> Differences:
    """Compute the model, and compare it with its golden file."""
    model, golden = case.model(), np.load(case.golden)
    with jax.enable_x64(case.double):
        found = _computed(case, model, jnp.float64 if case.double else jnp.float32)
    evaluated, trained, statistics, gradients, names, parameters = found
    assert names == golden["names"].tolist()
    return Differences(
        parameters,
        _apart(evaluated, golden["evaluated"]),
        _apart(trained, golden["trained"]),
        _apart(statistics, golden["statistics"]),
        _apart(gradients, golden["gradients"]),
    )


def _computed(case: ZooCase, model: Layer, dtype: jnp.dtype) -> tuple:
    params, state = jax.tree.map(lambda leaf: leaf.astype(dtype), loaded(case, model))
    images, cotangents = (jnp.asarray(a, dtype) for a in (case.images(), case.cotangents()))

    def loss(params):
        logits, new = model.apply(params, state, images, train=True, key=jax.random.key(0))
        return (logits * cotangents).sum(), (logits, new)

    @jax.jit
    def compute(params):
        gradients, (trained, new) = jax.grad(loss, has_aux=True)(params)
        return model.apply(params, state, images)[0], trained, new, gradients

    evaluated, trained, new, gradients = jax.device_get(compute(params))
    by_name = to_state_dict(model, gradients, new, case.shape)
    names = sorted(by_name)
    kept = {name: array for name, array in by_name.items() if not name.endswith("tracked")}
    running = {name: array for name, array in kept.items() if name.endswith(RUNNING)}
    learned = {name: array for name, array in kept.items() if name not in running}
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    return evaluated, trained, numbers_of(running), numbers_of(learned), names, parameters


def _apart(found: np.ndarray, wanted: np.ndarray) -> float:
    if wanted.size == 0:
        assert found.size == 0
        return 0.0
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
