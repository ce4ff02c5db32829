"""The optional packages of jaxcnn: which are missing, and the command that installs them.

`pip install jaxcnn` installs what the ops, layers and models need. Everything else is an *extra*,
such as ``jaxcnn[train]``, so that a program that only calls `jc.conv2d` stays small.
"""

from collections.abc import Sequence
from importlib.util import find_spec

EXTRAS: dict[str, tuple[str, ...]] = {
    "train": (
        *("optax", "orbax", "flax", "grain", "dm_pix", "sklearn", "PIL", "rich", "tyro", "jinja2"),
        *("tensorflow_datasets", "array_record", "importlib_resources"),
    ),
    "onnx": ("onnx",),
    "equinox": ("equinox",),
    "tensorboard": ("tensorboardX",),
    "wandb": ("wandb",),
    "tfds-prepare": ("tensorflow",),
    "bench": ("matplotlib", "onnxruntime", "openvino"),
}
"""The modules that each extra of pyproject.toml installs."""


def command(extra: str) -> str:
    """The command that installs an extra.

    Args:
        extra: its name, a key of `EXTRAS`.

    Returns:
        What to type into a shell.

    >>> command("train")
    'pip install "jaxcnn[train]"'
    """
    return f'pip install "jaxcnn[{extra}]"'


def missing(what: str, extra: str, modules: Sequence[str] = ()) -> str | None:
    """The sentence that tells the user which extra to install, if a package of it is missing.

    Args:
        what: what needs the extra, the beginning of the sentence.
        extra: its name, a key of `EXTRAS`.
        modules: the modules that are needed; left out, all of the extra.

    Returns:
        The sentence, with the first missing package and the command; ``None`` if all are installed.

    >>> missing("arithmetic", "train", ["math"]) is None
    True
    >>> missing("arithmetic", "train", ["abacus"])
    'arithmetic needs the package abacus: pip install "jaxcnn[train]"'
    """
    for module in modules or EXTRAS[extra]:
        if not _installed(module):
            return f"{what} needs the package {module}: {command(extra)}"
    return None


def require(what: str, extra: str, modules: Sequence[str] = ()) -> None:
    """Refuse an import whose packages are not installed.

    Args:
        what: what is imported, the beginning of the sentence.
        extra: the extra that it needs, a key of `EXTRAS`.
        modules: the modules that are needed; left out, all of the extra.

    Raises:
        ImportError: if a package is missing, with the sentence of `missing`.

    >>> require("the ops", "train")
    """
    sentence = missing(what, extra, modules)
    if sentence is not None:
        raise ImportError(sentence)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # an import hook that refuses the module
        return False
