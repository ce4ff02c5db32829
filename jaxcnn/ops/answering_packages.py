"""Lets all functions of a package answer a call with wrong names of arguments."""

import inspect
import sys
from collections.abc import Iterable

from jaxcnn.ops.answers import answering


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
