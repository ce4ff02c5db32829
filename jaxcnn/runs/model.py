"""The model of a run: one of the named ones, or one of the user's own, tried before any work."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.errors import UserError
from jaxcnn.layers import Layer, outputs
from jaxcnn.layers.wiring import IN_LAYER
from jaxcnn.models import MODELS
from jaxcnn.names import unknown
from jaxcnn.runs.digests import model_sha256
from jaxcnn.runs.model_options import check_model_options, parse_model_options

ModelMaker = Callable[..., Layer]
"""``(num_classes, **options) -> Layer``."""

_TRIED = 2
"""Images that a model is tried on."""


def is_own(name: str) -> bool:
    """Whether a run's ``model`` is one that jaxcnn does not have by name."""
    return name == "own" or ":" in name


def model_title(name: str) -> str:
    """A short name of a model, for files and titles: that of its function."""
    return name.rpartition(":")[2]


def find_model(
    name: str, classes: int, maker: ModelMaker | None = None, *, options: Sequence[str] = ()
) -> Layer:
    """The model of a run.

    Args:
        name: its name in the run's settings.
        classes: how many classes it tells apart.
        maker: makes a model of the user's own. What a run folder says is data: a file that is
            named there is executed only where the user names it, too.
        options: ``NAME=VALUE`` of the function that makes it.

    Raises:
        UserError: if there is no such model, it does not take such options, or it is one of the
            user's own and was not given.
    """
    given = parse_model_options(options)
    if maker is None and name in MODELS:
        return _made(name, classes, given)
    return _own_model(name, classes, maker, given)


def _made(name: str, classes: int, options: dict[str, Any]) -> Layer:
    """A model that jaxcnn has, with its options."""
    check_model_options(name, MODELS[name], options)
    try:
        return MODELS[name](classes, **options)
    except (TypeError, ValueError) as error:
        raise UserError(f"--model-options: {_said(error)}") from None


def _own_model(name: str, classes: int, maker: ModelMaker | None, given: dict[str, Any]) -> Layer:
    """A model that jaxcnn does not have."""
    if name in MODELS:
        raise UserError(f"the run's model is {name}, which jaxcnn has: leave --model out")
    if maker is not None:
        return maker(classes, **given)
    if is_own(name):
        which = "a Layer that was given in Python" if name == "own" else name
        raise UserError(
            f"the run's model is one of your own ({which}), which a run folder cannot bring along: "
            f"name it with --model FILE.py:function"
        )
    sentence = unknown("model", name, MODELS)
    more = "jaxcnn models lists them; one of your own is FILE.py:function"
    raise UserError(f"{sentence} ({more})")


def maker_in(name: str) -> ModelMaker:
    """The function that ``FILE.py:function`` names; the file is executed.

    Raises:
        UserError: if the file does not exist, fails, or has no such function; and, when it is
            called, if it returns no layer.
    """
    file, _, function = name.rpartition(":")
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"--model {name}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"jaxcnn_model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--model {name}: {path} is no Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses of the file look for it there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"--model {name}: {path} cannot be run: {_said(error)}") from error
    makers = {key: value for key, value in vars(module).items() if callable(value)}
    if function not in makers:
        own = {k for k, f in makers.items() if getattr(f, "__module__", "") == spec.name}
        raise UserError(f"--model {name}: {unknown('function', function, own)}")
    return _making(name, makers[function])


def maker_of(model: Layer | str | None) -> ModelMaker | None:
    """What makes a model that was given in Python: a layer, or the name of one's own.

    Raises:
        UserError: as `maker_in`.
    """
    if isinstance(model, Layer):
        return _given(model)
    return maker_in(model) if model is not None and ":" in model else None


def given_maker(model: str | None) -> ModelMaker | None:
    """What makes the model of ``--model``; nothing, where it is left out.

    Raises:
        UserError: as `maker_in`, or if it is no ``FILE.py:function``.
    """
    if model is not None and ":" not in model:
        raise UserError(
            f"--model must be FILE.py:function, for a run whose model is one of your own, got "
            f"{model!r}"
        )
    return maker_of(model)


def _given(layer: Layer) -> ModelMaker:
    def make(classes: int, **options: Any) -> Layer:
        if options:
            raise UserError("--model-options are for a model that is made by its name, not a Layer")
        return layer

    return make


def _making(name: str, function: Callable[..., Any]) -> ModelMaker:
    def make(classes: int, **options: Any) -> Layer:
        try:
            model = function(classes, **options)
        except Exception as error:
            raise UserError(f"--model {name}: {_said(error)}") from error
        if not isinstance(model, Layer):
            raise UserError(
                f"--model {name} must return a jaxcnn.layers.Layer, got {type(model).__name__}"
            )
        return model

    return make


def check_shapes(
    model: Layer, name: str, image_shape: tuple[int, int, int], classes: int, batch_size: int
) -> None:
    """Try a model on the shapes of a batch, without computing anything.

    Raises:
        UserError: if it does not take such images, gives another number of logits, or has no
            ``train`` argument; the sentence names the model and the layer.
    """
    # Batch norm needs two images where one pixel of each is left.
    batch_size = max(batch_size, 2)
    shape = (batch_size, *image_shape)

    def logits(key: jax.Array, images: jax.Array) -> Any:
        params, state = model.init(key, shape)
        return model.apply(params, state, images, train=True, key=key)

    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    try:
        given = jax.eval_shape(logits, jax.random.key(0), images)
    except Exception as error:  # a module of another library raises what it likes
        size = "×".join(map(str, image_shape))
        raise UserError(f"{name} cannot take images of {size}: {_said(error)}") from error
    wanted = (batch_size, classes)
    if not (isinstance(given, tuple) and len(given) == 2 and _shape(given[0]) == wanted):
        raise _wrong_logits(name, given, wanted)


def check_last_batch(model: Layer, name: str, image_shape: tuple[int, int, int]) -> None:
    """Try a model on the shape of a single image, which the last batch of an epoch has.

    Raises:
        UserError: if it cannot be trained on one, as batch norm cannot where one pixel is left.
    """
    shape = (1, *image_shape)

    def logits(key: jax.Array, images: jax.Array) -> Any:
        params, state = model.init(key, shape)
        return model.apply(params, state, images, train=True, key=key)

    try:
        jax.eval_shape(logits, jax.random.key(0), jax.ShapeDtypeStruct(shape, jnp.float32))
    except Exception as error:  # as in `check_shapes`
        raise UserError(
            f"the last batch of an epoch has one image, on which {name} cannot be trained "
            f"({_said(error)}): another --batch-size leaves more"
        ) from error


def _shape(logits: Any) -> Any:
    return getattr(logits, "shape", None)


def _wrong_logits(name: str, given: Any, wanted: tuple[int, int]) -> UserError:
    """The error for a model that returns ``given``, but should give logits of a shape."""
    if not (isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "shape")):
        return UserError(f"{name}: apply must return (logits, state), got {given!r:.80}")
    return UserError(
        f"{name} must give logits of shape {wanted}, one for each of the {wanted[1]} classes, "
        f"got {given[0].shape}"
    )


def check_first_output(model: Layer, name: str, key: jax.Array, images: np.ndarray) -> None:
    """Try a model of the user's own on some images: what it gives at first must be finite.

    Raises:
        UserError: naming the model and, where it is made of layers, the first layer.
    """
    some = jnp.asarray(images[:_TRIED])
    params, state = jax.jit(lambda key: model.init(key, some.shape))(key)
    apply = jax.jit(lambda params, state, x: model.apply(params, state, x, train=True, key=key)[0])
    if bool(jnp.isfinite(apply(params, state, some)).all()):
        return
    layers = outputs(model, params, state, some) if model.description is not None else {}
    wrong = [layer for layer, y in layers.items() if not bool(jnp.isfinite(y).all())]
    where = f": from layer {wrong[0]} on" if wrong else ""
    raise UserError(
        f"{name} gives outputs that are not finite before it has learned anything{where}"
    )


def check_same_model(model: Layer, name: str, saved: Mapping[str, Any], where: Path) -> None:
    """Refuse a model of the user's own that is not the one of the run.

    Args:
        model: the one that was given.
        name: what it is called in the sentence.
        saved: what the run has written down.
        where: the folder of the run.

    Raises:
        UserError: if the digests of their structure differ.
    """
    digest = saved.get("model_sha256")
    if digest is not None and digest != model_sha256(model):
        raise UserError(f"{name} is another model than {where} was trained with")


def _said(error: Exception) -> str:
    """What an error says, and in which layer it arose."""
    notes = getattr(error, "__notes__", ())
    names = [note.removeprefix(IN_LAYER) for note in notes if note.startswith(IN_LAYER)]
    where = IN_LAYER + "/".join(reversed(names)) if names else ""
    said = (str(error).strip().splitlines() or [""])[0]
    kind = "" if isinstance(error, ValueError | TypeError) and said else type(error).__name__
    return ": ".join(filter(None, [where, kind, said]))
