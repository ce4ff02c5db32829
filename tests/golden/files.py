"""torch's answers on file, for where torch is not installed.

One ``<family>.npz`` per family of cases, three members each: the names of the cases, one long
vector of float64 numbers, and where each case ends in it. A small array is kept whole, a large one
as signed sums of all its elements, so that a wrong element is still seen and the files stay small.
``python -m tests.golden.make`` writes them.
"""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.reference.cases import Case

FOLDER = pathlib.Path(__file__).parent
WHOLE = 16


def digest(arrays: Sequence[Any]) -> np.ndarray:
    """What is kept of one case: every small array, and signed sums of every large one."""
    return np.concatenate([np.zeros(0), *(_digest(np.asarray(a, np.float64)) for a in arrays)])


def _digest(array: np.ndarray) -> np.ndarray:
    flat = array.ravel()
    if flat.size <= WHOLE:
        return flat
    finite = np.isfinite(flat)
    kinds = np.where(np.isnan(flat), 1.0, np.where(finite, 0.0, np.sign(flat) + 3))
    signs = np.random.default_rng(flat.size).choice([-1.0, 1.0], (WHOLE - 2, flat.size))
    return np.concatenate([signs @ np.where(finite, flat, 0.0), signs[:2] @ kinds])


def fingerprint(case: Case) -> float:
    """A number that tells whether NumPy still draws the inputs that torch was given."""
    drawn = [*case.arrays(), *case.named_arrays().values()]
    return float(sum(np.nansum(np.where(np.isfinite(a), a, 0)) for a in drawn))


@functools.cache
def answers(family: str) -> dict[str, np.ndarray]:
    """The digests of a family by case name; the first number of each is the fingerprint."""
    path = FOLDER / f"{family}.npz"
    if not path.exists():
        return {}
    with np.load(path) as file:
        parts = np.split(file["numbers"], file["ends"][:-1])
        return dict(zip(file["names"].tolist(), parts, strict=True))


def check(family: str, case: Case, arrays: Sequence[Any], tolerance: float) -> None:
    """Hold ``arrays`` (results, then gradients) against what torch answered."""
    kept = answers(family)[str(case)]
    drawn = fingerprint(case)
    assert np.isclose(drawn, kept[0], rtol=1e-9, atol=1e-9), (
        f"{case}: the inputs are not those of the golden file; run `python -m tests.golden.make`"
    )
    # A signed sum of n numbers carries their rounding errors too.
    sizes = [max(np.size(a), 1) for a in arrays]
    scale = max([np.abs(kept[1:][np.isfinite(kept[1:])]).max(initial=1.0), *np.sqrt(sizes)])
    np.testing.assert_allclose(digest(arrays), kept[1:], rtol=0, atol=tolerance * scale)
