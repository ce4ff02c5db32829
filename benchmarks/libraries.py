"""Makes calls of networks in several libraries; one that is missing or fails is left out."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax

from benchmarks.command import WITH_TORCH
from benchmarks.networks import Network
from jaxcnn.extras import command

# OpenVINO reports each import to its makers with this package, and works without it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class Ready(NamedTuple):
    """A call that is compiled and has its arguments.

    Attributes:
        call: computes what is timed.
        seconds: how long it took to compile; ``None`` where nothing is compiled.
    """

    call: Callable[[], Any]
    seconds: float | None = None


Make = Callable[[Network], Ready]
"""Makes the call of a network in one library."""

MODULES = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}
"""The packages of the runtimes; torch is asked for by `command.WITH_TORCH`."""

MAY_FAIL = ("torch.compile", *MODULES)
"""The libraries that are left out with a sentence where they raise an error."""


def installed(names: Iterable[str]) -> list[str]:
    """Those of some libraries that are installed, with a sentence for each runtime that is not.

    torch is left out silently, since it is not there for every Python.
    """
    found = []
    for name in names:
        if name in MODULES and importlib.util.find_spec(MODULES[name]) is None:
            print(f"{name} is left out, since it is not installed: {command('bench')}")
        elif WITH_TORCH or not name.startswith("torch"):
            found.append(name)
    return found


def ready(makers: Mapping[str, Make], network: Network) -> dict[str, Ready]:
    """The call of a network in each library.

    Args:
        makers: the function that makes the call, by library.
        network: the network.

    Returns:
        The calls, without those that failed, each of which is one printed sentence.
    """
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make(network)
        except Exception as error:  # what compilers raise is not documented
            if name not in MAY_FAIL:
                raise
            print(f"{name} is left out: {sentence(error)}", flush=True)
    return found


def calls(made: Mapping[str, Ready]) -> dict[str, Callable[[], Any]]:
    """The calls alone, for `comparison.compared`."""
    return {name: its.call for name, its in made.items()}


def sentence(error: Exception) -> str:
    """The kind and the first line of an error."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def compiled_by_jax(
    fn: Callable[..., Any], *inputs: Any, **options: Any
) -> tuple[Callable[..., Any], float]:
    """A function compiled by JAX for some inputs, and the seconds of tracing and compiling it.

    Args:
        fn: the function.
        *inputs: its arguments.
        **options: those of `jax.jit`.
    """
    start = time.perf_counter()
    compiled = jax.jit(fn, **options).lower(*inputs).compile()
    return compiled, time.perf_counter() - start


def compiled_by_torch(fn: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """A function that `torch.compile` compiles at its first call, whole and for these sizes.

    What torch has compiled before is forgotten: it keeps only a few versions of a function.

    Args:
        fn: the function.
        **options: the options of its backend.
    """
    import torch

    torch._dynamo.reset()
    compiled: Callable[..., Any] = torch.compile(
        fn, fullgraph=True, dynamic=False, options=options or None
    )
    return compiled
