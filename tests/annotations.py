"""Holds the public functions of `jaxcnn` to their annotations whenever a test calls one.

The check comes after the call. What a function refuses, it refuses in its own words, which are
what a user reads and what other tests compare; what it accepts and returns must be what its
annotations say, shapes and dtypes included. A checker that comes first, as jaxtyping's own import
hook sets it up, would answer before the function does.
"""

import ast
import contextlib
import functools
import importlib.abc
import importlib.machinery
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from jaxtyping import jaxtyped
from typeguard import ForwardRefPolicy, TypeCheckError, check_type, checker_lookup_functions

# Names are resolved before; what is left are fields of named tuples that name a later class.
fits = functools.partial(check_type, forward_ref_policy=ForwardRefPolicy.IGNORE)


def install() -> None:
    """Check the functions of every module of `jaxcnn` that is imported from now on."""
    assert "jaxcnn" not in sys.modules, "jaxcnn was imported before its functions could be checked"
    sys.meta_path.insert(0, _Finder())
    checker_lookup_functions.insert(0, _of_a_layer)


def _of_a_layer(origin: Any, args: tuple[Any, ...], extras: tuple[Any, ...]) -> Any:
    """The check of a `Layer`: only of its type, since each of its parts was checked when made.

    A check of all parts, at each level of a deep network anew, takes minutes.
    """
    layer = getattr(origin, "__module__", "") == "jaxcnn.layers.layer" and inspect.isclass(origin)
    return _is_instance if layer else None


def _is_instance(value: Any, origin: Any, args: tuple[Any, ...], memo: Any) -> None:
    if not isinstance(value, origin):
        raise TypeCheckError(f"is not an instance of {origin.__qualname__}")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname.partition(".")[0] != "jaxcnn":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: types.ModuleType) -> None:
        super().exec_module(module)
        for name, value in list(vars(module).items()):
            if is_public(module, name, value):
                setattr(module, name, checked(value))


def is_public(module: types.ModuleType, name: str, value: Any) -> bool:
    """Whether ``value`` is a function that ``module`` offers, and no decorator changed its type."""
    return (
        inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and not hasattr(value, "__wrapped__")
    )


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, and then a comparison of what it was given and gave with its annotations."""
    signature = inspect.signature(function)
    # Not before the first call: an annotation may name what its module has yet to define.
    hints = functools.cache(
        lambda: typing.get_type_hints(function, None, _typing_only(function), include_extras=True)
    )

    def compare(result: Any, *args: Any, **options: Any) -> None:
        given = signature.bind(*args, **options).arguments
        with _shapes(given):
            for name, value in given.items():
                fits(value, _hint(signature.parameters[name], hints()))
            fits(result, hints()["return"])

    def call(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        compare(result, *args, **options)
        return result

    # With the globals of the module: doctest takes a function of others for an import.
    same = types.FunctionType(
        call.__code__, function.__globals__, function.__name__, None, call.__closure__
    )
    return functools.wraps(function)(same)


def _typing_only(function: Callable[..., Any]) -> dict[str, Any]:
    """What the module of ``function`` imports for type checkers alone."""
    names: dict[str, Any] = {}
    for node in ast.parse(inspect.getsource(sys.modules[function.__module__])).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), "<typing only>", "exec"), names)
    return names


def _shapes(given: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
    """Where axes of one name must have one size.

    Annotations name the axes of the default layout, channels last. In the other layout an axis
    stands elsewhere, so only ranks and dtypes are compared.
    """
    if str(given.get("layout", "")).startswith("NC"):
        return contextlib.nullcontext()
    return jaxtyped("context")


def _hint(parameter: inspect.Parameter, hints: dict[str, Any]) -> Any:
    hint = hints[parameter.name]
    if parameter.kind is parameter.VAR_POSITIONAL:
        return tuple[hint, ...]
    return dict[str, hint] if parameter.kind is parameter.VAR_KEYWORD else hint
