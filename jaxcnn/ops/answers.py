"""Lets a function answer a call with wrong names of arguments in one sentence."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from jaxcnn.ops import habits

P = ParamSpec("P")
R = TypeVar("R")


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
