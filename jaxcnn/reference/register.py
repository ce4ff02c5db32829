"""Finds the cases of all ops, and the NumPy version of an op by its name."""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from jaxcnn.reference.cases.case import Case


def families() -> dict[str, tuple[Case, ...]]:
    """The ``CASES`` of every module of `jaxcnn.reference.cases`, by the module's name."""
    found = {
        module.__name__.rpartition(".")[2]: getattr(module, "CASES", ())
        for module in _modules("jaxcnn.reference.cases")
    }
    return {name: cases for name, cases in found.items() if cases}


def reference(op: str) -> Callable[..., Any] | None:
    """The NumPy version of ``op``, or ``None`` where there is none."""
    for module in _modules("jaxcnn.reference"):
        function = getattr(module, op, None)
        if getattr(function, "__module__", None) == module.__name__:
            return function
    return None


def _modules(package: str) -> list[ModuleType]:
    parent = importlib.import_module(package)
    names = sorted(
        info.name for info in pkgutil.iter_modules(parent.__path__) if info.name != "register"
    )
    return [importlib.import_module(f"{package}.{name}") for name in names]
