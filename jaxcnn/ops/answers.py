"""Lets functions answer a call with wrong names of arguments in one sentence."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from jaxcnn.ops import habits

P = ParamSpec("P")
R = TypeVar("R")


def answer_wrong_names(package: str, names: Iterable[str]) -> None:
    """Let the functions ``names`` of ``package`` answer arguments that they do not have.

    A function is replaced where it is defined as well, so that there is one of it. Its signature,
    its docstring and its types stay as they are.
    """
    here = sys.modules[package]
    for name in names:
        function = getattr(here, name)
        if inspect.isfunction(function):
            replacement = answering(function)
            setattr(here, name, replacement)
            setattr(sys.modules[function.__module__], name, replacement)


def answering(function: Callable[P, R]) -> Callable[P, R]:
    """A function that answers arguments which it does not have in one sentence."""

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            return function(*args, **options)
        except TypeError:
            # The failed call is looked at only now, so that one that works costs nothing.
            sentence = habits.wrong_call(function, args, options)
            if sentence is None:
                raise
        raise TypeError(sentence)

    return call
