"""Explains arguments that are named or shaped as in PyTorch, Keras or Flax.

Each function gives a sentence, or the end of one, about a call that failed.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxcnn.names import nearest

CALLED = {
    "affine": ("scale",),
    "axis": ("axes",),
    "bias_initializer": ("bias_init",),
    "data_format": ("layout",),
    "dilation_rate": ("dilation",),
    "dim": ("axes",),
    "downscale_factor": ("factor",),
    "elementwise_affine": ("scale",),
    "eps": ("epsilon",),
    "feature_group_count": ("groups",),
    "features": ("out_channels",),
    "filters": ("out_channels",),
    "input": ("x",),
    "inputs": ("x",),
    "kernel_dilation": ("dilation",),
    "kernel_initializer": ("kernel_init",),
    "kernel_size": ("window",),
    "mode": ("method",),
    "norm_type": ("p",),
    "normalized_shape": ("axes",),
    "num_groups": ("groups",),
    "out_channels": ("features",),
    "out_features": ("features",),
    "p": ("rate",),
    "pad": ("padding",),
    "pool_size": ("window",),
    "rng": ("key",),
    "running_mean": ("mean",),
    "running_var": ("variance",),
    "scale_factor": ("scale",),
    "strides": ("stride",),
    "training": ("train",),
    "units": ("features",),
    "upscale_factor": ("factor",),
    "use_bias": ("bias",),
    "var": ("variance",),
    "weight": ("kernel", "scale"),
    "weights": ("kernel", "scale"),
    "window_shape": ("window",),
}
"""Other libraries' names of arguments, and ours: the first one that the function has is meant."""

_KERNEL = "the shape of `kernel`, (*window, in, out), says it"
_INPUT = "the input's shape says it"
NEEDLESS = {
    "device": {"": "`jax.device_put` says where an array lies"},
    "in_channels": {"kernel": _KERNEL, "": _INPUT},
    "in_features": {"": _INPUT},
    "inplace": {"": "arrays never change in place"},
    "kernel_size": {"kernel": _KERNEL},
    "num_channels": {"": _INPUT},
    "num_features": {"": _INPUT},
    "out_channels": {"kernel": _KERNEL},
    "recompute_scale_factor": {"scale": "`scale` is used as it is given, `size` otherwise"},
    "training": {"rate": "leave the call out at evaluation"},
}
"""Other libraries' arguments that are not needed here, and why; by a parameter of the function."""

SPELLED = {
    "border": "replicate",
    "constant": "zeros",
    "cubic": "bicubic",
    "edge": "replicate",
    "linear": "bilinear",
    "nearest-exact": "nearest_exact",
    "trilinear": "bilinear",
    "wrap": "circular",
}
"""Other libraries' values of options, and ours."""


def wrong_call(
    function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> str | None:
    """A sentence about wrong names or a wrong number of arguments; None where both are right."""
    parameters = inspect.signature(function).parameters
    kinds = {p.kind for p in parameters.values()}
    name = function.__name__
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for option in options:
            if option not in parameters:
                return f"{name}: {_answer(option, list(parameters), options)}"
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    first = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(first):
        named = [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        example = f"; give the others by name, such as `{named[0]}`" if named else ""
        listed = ", ".join(f"`{p}`" for p in first)
        taken = f"only {listed} may come without a name" if first else "no argument is taken"
        return f"{name}: {taken}, got {len(args)} values{example}"
    return None


def _answer(option: str, parameters: Sequence[str], given: Mapping[str, Any]) -> str:
    for called in CALLED.get(option, ()):
        if called in parameters and called not in given:
            return f"`{option}` is called `{called}` here"
    for needed, reason in NEEDLESS.get(option, {}).items():
        if not needed or needed in parameters:
            return f"there is no `{option}`: {reason}"
    near = nearest(option, parameters)
    if near:
        return f"there is no `{option}`; did you mean `{near}`?"
    return f"there is no `{option}` among the arguments " + ", ".join(f"`{p}`" for p in parameters)


def spelling(value: Any, allowed: Sequence[str]) -> str:
    """The end of a sentence about a value of another library; empty where it is none."""
    if not isinstance(value, str):
        return ""
    for other in (SPELLED.get(value), value.lower()):
        if other in allowed:
            return f"; {value!r} is called {other!r} here"
    return ""


def foreign_array(name: str, value: Any) -> str:
    """The end of a sentence about an array of another library."""
    library = type(value).__module__.partition(".")[0]
    if library == "torch":
        return f" of torch; `{name}.detach().cpu().numpy()` is one"
    if library == "tensorflow":
        return f" of TensorFlow; `{name}.numpy()` is one"
    if library == "PIL":
        return f" of Pillow; `numpy.asarray({name})` is one"
    return ""


def picture_of_integers(name: str, dtype: Any) -> str:
    """The end of a sentence about integers where real numbers are expected."""
    if dtype == "uint8":
        return f"; `{name}.astype(jnp.float32) / 255` makes a picture of it"
    return f"; `{name}.astype(jnp.float32)` makes them real" if dtype.kind in "iu" else ""


def axes_elsewhere(
    x: Sequence[int], kernel: Sequence[int], groups: int, layout: str, *, transposed: bool
) -> str:
    """The end of a sentence about channels that do not match, where they would in another order.

    The images may lie as in the other layout, the kernel as in PyTorch, window last, or both.
    """
    last = layout.endswith("C")
    other = f"NC{layout[1:-1]}" if last else f"N{layout[2:]}C"
    here, there = (x[-1], x[1]) if last else (x[1], x[-1])
    wanted, turned = (kernel[-2], kernel[0]) if transposed else (kernel[-2], kernel[1])
    wanted, turned = (n if transposed else n * groups for n in (wanted, turned))
    window = range(2, len(kernel))
    order = (*window, 0, 1) if transposed else (*window, 1, 0)
    if there == wanted:
        return f"; `x` seems to have the axes of layout {other!r}"
    if here == turned:
        return f"; `kernel` seems to be PyTorch's, which `kernel.transpose{order}` turns round"
    if there == turned:
        return (
            f"; `x` and `kernel` seem to be PyTorch's, which takes layout {other!r} and "
            f"`kernel.transpose{order}`"
        )
    return ""
