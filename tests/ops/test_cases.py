"""Every case of every op through every property that ops share."""

import collections
import contextlib
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.reference.cases import Case
from jaxcnn.reference.register import reference
from tests.golden import files
from tests.ops import properties, suite
from tests.ops.properties import Double, strictly
from tests.ops.suite import CASES, FAMILIES
from tests.outcomes import proving

TORCH = importlib.util.find_spec("torch") is not None
EXPENSIVE = {
    f"test_{name}"
    for name in (
        "single_precision",
        "bfloat16",
        "vmap",
        "export",
        "layout",
    )
}
"""What `make test` and `make slow` prove of the first case of each op only, `make deep` of all."""

SLOW = {"test_single_precision", "test_bfloat16"}
"""What `make test` leaves to `make slow`; so it does with the meaning of further cases."""

COMPILATIONS: list[str] = []

DEEP = {"test_float16", "test_checkpoint", "test_hessian"}
"""What is left to `make deep`: bfloat16 and the first derivatives are close relatives."""

DEEPEST = {*DEEP, "test_layout"}
"""What `make deep` proves of the first case of each op only, and `make test-all` of all."""

APPLIES: dict[str, Callable[[Case], bool]] = {
    "test_bfloat16": suite.has_reals,
    "test_float16": suite.has_reals,
    "test_vmap": lambda case: bool(case.batched),
    "test_hessian": lambda case: bool(case.differentiable),
    "test_checkpoint": lambda case: bool(case.differentiable),
    "test_layout": suite.has_layout,
}
"""The tests that mean nothing for some cases, and for which they mean something."""

Prove = Callable[[str], contextlib.AbstractContextManager[None]]


def _on_event(event: str, _: float, **__: Any) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        COMPILATIONS.append(event)


jax.monitoring.register_event_duration_secs_listener(_on_event)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a case, next to the other tests of the same case."""
    if "double" not in metafunc.fixturenames:
        return
    name = metafunc.function.__name__
    tried = APPLIES.get(name, lambda case: True)
    cases = [
        pytest.param(case, id=str(case), marks=marks(name, case)) for case in CASES if tried(case)
    ]
    metafunc.parametrize("double", cases, indirect=True, scope="module")


def marks(test: str, case: Case) -> list[pytest.MarkDecorator]:
    """How deep a test of a case is."""
    further = str(case) not in suite.firsts()
    deep = test in DEEP or (test in EXPENSIVE and further)
    found = [pytest.mark.deep] if deep else []
    if test in SLOW or (test == "test_meaning" and further):
        found.append(pytest.mark.slow)
    return [*found, pytest.mark.deepest] if test in DEEPEST and further else found


@pytest.fixture(scope="module")
def double(request: pytest.FixtureRequest) -> Double:
    with strictly(x64=True):
        return Double(request.param)


@pytest.fixture
def prove(record_property: Callable[[str, object], None], double: Double) -> Prove:
    """Say in the report which property held: the table in docs/ops.md is made from it."""

    return lambda name: proving(record_property, double.case.op, name)


def family_of(case: Case) -> str:
    return next(name for name, cases in FAMILIES.items() if case in cases)


def close(got: Sequence[Any], want: Sequence[Any], tolerance: float) -> None:
    """Equal shapes, and equal numbers to a part of the largest one."""
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert np.shape(a) == np.shape(b)
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        scale = np.abs(b[np.isfinite(b)]).max(initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def test_meaning(double: Double, prove: Prove) -> None:
    case = double.case
    with strictly(x64=True):
        reals, whole, gradients, pushed = double.results
        twin = reference(case.op)
        if case.op not in suite.WITHOUT_REFERENCE:
            with prove("reference"):
                assert twin is not None, f"{case.op}: no reference, not in WITHOUT_REFERENCE"
                named = case.named_arrays()
                key = (None,) if case.keyed else ()
                wanted = jax.tree.leaves(twin(*key, *case.arrays(), **case.options, **named))
                # The reference answers in float64 where the op keeps integers.
                flags = [suite.real(y) for y in jax.eval_shape(double.call, *double.arrays)]
                close(reals, [y for y, flag in zip(wanted, flags, strict=True) if flag], 1e-12)
                close(whole, [y for y, flag in zip(wanted, flags, strict=True) if not flag], 0.0)
        if suite.has_torch(case):
            with prove("torch"):
                if TORCH:
                    want = suite.torch_results(case, np.float64)
                    close(reals, want[0], 1e-12)
                    close(whole, want[1], 0.0)
                    close(gradients, want[2], 1e-12)
                    files.check(family_of(case), case, [a for part in want for a in part], 1e-12)
                files.check(family_of(case), case, [*reals, *whole, *gradients], 1e-11)
        if case.differentiable and double.finite:
            with prove("jvp"):
                along = properties.tangents(tuple(double.arrays[i] for i in case.differentiable))
                turned = properties.inner(along, gradients)
                straight = properties.inner(properties.cotangents(reals), pushed)
                size = sum(np.abs(g).sum() for g in gradients)
                np.testing.assert_allclose(straight, turned, rtol=0, atol=1e-12 * max(size, 1))
            if case.smooth:
                with prove("grad"):
                    np.testing.assert_allclose(
                        double.slope(), turned, rtol=0, atol=1e-7 * max(size, 1)
                    )


def test_single_precision(double: Double, prove: Prove) -> None:
    case = double.case
    with strictly(x64=False):
        arrays = [jnp.asarray(a) for a in suite.inputs(case, np.float32)[0]]
        call = suite.op_of(case, np.float32)
        run = properties.quick(properties.derivatives(call, case.differentiable, forward=False))
        reals, whole, gradients, _ = run(*arrays)
        with prove("jit"):
            eager = suite.split(call(*arrays))
            close(eager[0], reals, 1e-6)
            close(eager[1], whole, 0.0)
        with prove("no recompilation"):
            seen = len(COMPILATIONS)
            call(*arrays)
            run(*arrays)
            assert len(COMPILATIONS) == seen
        if TORCH and suite.has_torch(case):
            with prove("torch"):
                want = suite.torch_results(case, np.float32)
                close(reals, want[0], 1e-5)
                close(whole, want[1], 0.0)
                close(gradients, want[2], 1e-5)


def test_bfloat16(double: Double, prove: Prove) -> None:
    half_precision(double, prove, jnp.bfloat16)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_float16(double: Double, prove: Prove) -> None:
    half_precision(double, prove, jnp.float16)


def half_precision(double: Double, prove: Prove, dtype: Any) -> None:
    """The dtype is kept, and the only rounding to it is that of the result."""
    with prove(jnp.dtype(dtype).name):
        short, wide = properties.half(double, dtype)
        rounding = float(jnp.finfo(dtype).eps)
        for a, b in zip(short[0], wide[0], strict=True):
            assert a.dtype == dtype
            if double.case.roundings == 1:
                rounded(a, np.asarray(b).astype(dtype), rounding)
            else:
                close([a], [b], double.case.roundings * rounding)
        close(short[1], wide[1], 0.0)
        for a, b in zip(short[2], wide[2], strict=True):
            assert a.dtype == dtype
            if double.case.smooth:
                close([a], [b], 8 * rounding)


def rounded(got: Any, want: Any, rounding: float) -> None:
    """Equal up to one unit in the last place, as sums in another order may end."""
    a, b = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert a.shape == b.shape
    scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    np.testing.assert_allclose(a, b, rtol=rounding, atol=1e-6 * scale + 1e-7)


@pytest.mark.slow
def test_vmap(double: Double, prove: Prove) -> None:
    with strictly(x64=True), prove("vmap"):
        for together, loop in properties.mapped(double):
            for a, b in zip(together, loop, strict=True):
                close(a, b, 1e-11)


def test_hessian(double: Double, prove: Prove) -> None:
    with strictly(x64=True), prove("hessian"):
        exact, differences = properties.curvature(double)
        if double.finite:
            assert all(np.isfinite(a).all() for a in exact)
            if double.case.smooth:
                close(exact, differences, 1e-6)


def test_checkpoint(double: Double, prove: Prove) -> None:
    with strictly(x64=True), prove("checkpoint"):
        close(*properties.recomputed(double), 1e-12)


def test_export(double: Double, prove: Prove) -> None:
    with strictly(x64=False), prove("export"):
        assert properties.lowered(double.case).platforms == properties.PLATFORMS


@pytest.mark.slow
def test_layout(double: Double, prove: Prove) -> None:
    with strictly(x64=True), prove("layout"):
        here, there = properties.relaid(double)
        close(there, here, 1e-12)


def test_every_op_has_cases() -> None:
    functions = {name for name in jc.ops.__all__ if inspect.isfunction(getattr(jc, name))}
    assert functions - {case.op for case in CASES} == suite.WITHOUT_CASES & functions


def test_case_names_are_unique() -> None:
    counts = collections.Counter(map(str, CASES))
    assert [name for name, count in counts.items() if count > 1] == []


def test_what_is_listed_as_missing_is_missing() -> None:
    assert [op for op in suite.WITHOUT_REFERENCE if reference(op)] == []
    assert {op for op in suite.WITHOUT_REFERENCE if op not in jc.ops.__all__} == set()
    known = {case.op for case in CASES} | set(map(str, CASES))
    assert {name for name in suite.WITHOUT_TORCH if name not in known} == set()


def test_golden_files_and_cases_agree() -> None:
    for family, cases in FAMILIES.items():
        assert set(files.answers(family)) == {str(c) for c in cases if suite.has_torch(c)}, (
            f"{family}: run `python -m tests.golden.make`"
        )


def test_golden_files_are_small() -> None:
    assert sum(path.stat().st_size for path in files.FOLDER.glob("*.npz")) < 300_000
