"""Layers that combine other layers in chains, shortcuts and branches."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxcnn.layers.layer import Description, Layer, Params, State, described
from jaxcnn.layers.naming import check_parts, names_of
from jaxcnn.layers.pointwise import Activation, Function
from jaxcnn.layers.wiring import JOINS, combined
from jaxcnn.ops.arguments import as_int, choice
from jaxcnn.ops.kinds import as_flag


@described
def Sequential(*layers: Layer, **named: Layer) -> Layer:
    """A layer that applies other layers one after the other.

    Args:
        *layers: layers by position; they are named ``"0"``, ``"1"``, ….
        **named: layers by name, after those by position.

    Returns:
        A layer whose parameters are ``{name: parameters}``; layers without any are left out.
        Each parameter is drawn by its path: inserting or renaming one named layer redraws no
        other. Layers by position are named by their position, which an insertion changes.

    Raises:
        TypeError: if an argument is not a `Layer`.
        ValueError: if a name is empty, holds a slash or stands for two layers.

    >>> from jaxcnn.layers import Conv2d, Dense, Flatten
    >>> model = Sequential(conv=Conv2d(6, 5), flat=Flatten(), dense=Dense(10))
    >>> params, state = model.init(jax.random.key(0), (1, 8, 8, 3))
    >>> sorted(params)
    ['conv', 'dense']
    >>> model = Sequential(Conv2d(6, 5), Flatten(), Dense(10))
    >>> sorted(model.init(jax.random.key(0), (1, 8, 8, 3))[0])
    ['0', '2']
    """
    parts = {str(index): layer for index, layer in enumerate(layers)}
    for name in parts.keys() & named.keys():
        raise ValueError(f"Sequential: two layers are named {name!r}, one by its position")
    parts |= named

    def wire(flow: Any, x: Any) -> Any:
        return flow.chain(list(parts), x)

    return combined("Sequential", parts, wire)


@described
def Residual(
    body: Layer,
    shortcut: Layer | None = None,
    *,
    activation: str | Callable[[jax.Array], jax.Array] | Layer | None = None,
    inline: bool = False,
    shortcut_name: str = "shortcut",
) -> Layer:
    r"""A layer that adds a shortcut to the output of a body, :math:`y = a(f(x) + g(x))`.

    Args:
        body: the layer f.
        shortcut: the layer g, for example a 1×1 convolution; the identity where it is left out.
        activation: the function a, applied to the sum: a name that `Activation` takes, a
            function or a layer; nothing where it is left out.
        inline: whether to leave ``body`` out of the paths of the body's parameters.
        shortcut_name: the name of the shortcut's parameters; torchvision's is ``"downsample"``.

    Returns:
        A layer with the parameters ``body`` (or those of its parts) and, if there are any,
        those of the shortcut.

    Raises:
        TypeError: if a part is not a `Layer`.
        ValueError: if two names would be the same, or, when it runs, the shapes of f(x) and
            g(x) differ.

    >>> from jaxcnn.layers import Conv2d
    >>> body = Sequential(conv1=Conv2d(8, 3, padding=1), relu=Activation("relu"),
    ...                   conv2=Conv2d(8, 3, padding=1))
    >>> block = Residual(body, Conv2d(8, 1), activation="relu", inline=True)
    >>> params, state = block.init(jax.random.key(0), (1, 8, 8, 3))
    >>> sorted(params)
    ['conv1', 'conv2', 'shortcut']

    Reference: He, Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition* (2015).
    """
    parts = {"body": body} if shortcut is None else {"body": body, "shortcut": shortcut}
    if isinstance(activation, str):
        activation = Activation(activation)
    elif callable(activation) and not isinstance(activation, Layer):
        activation = Function(activation)
    if activation is not None:
        parts["activation"] = activation

    def wire(flow: Any, x: Any) -> Any:
        y = flow.part("body", x)
        y = flow.join("add", [y, x if shortcut is None else flow.part("shortcut", x)])
        return y if activation is None else flow.part("activation", y)

    inlined = ("body",) if as_flag("Residual", "inline", inline) else ()
    return combined("Residual", parts, wire, inline=inlined, renamed={"shortcut": shortcut_name})


@described
def Parallel(
    *, join: str = "concat", inline: bool = False, layout: str | None = None, **branches: Layer
) -> Layer:
    """A layer that gives its input to several branches and joins their outputs.

    Args:
        join: ``"concat"`` (the channels one after the other), ``"add"`` (equal shapes) or
            ``"multiply"`` (axes of size 1 are repeated, as for a gate per channel).
        inline: whether to leave the names of the branches out of the paths of their parameters.
            A branch that is not made of layers keeps its name.
        layout: where the channels are, for ``"concat"``; last where it is left out.
        **branches: the branches by name.

    Returns:
        A layer whose parameters are ``{branch: parameters}``.

    Raises:
        TypeError: if a branch is not a `Layer`.
        ValueError: if there is no branch, ``join`` is not known, two names would be the same,
            or, when it runs, the outputs' shapes do not fit.

    >>> from jaxcnn.layers import Conv2d, Identity
    >>> dense = Parallel(x=Identity(), new=Conv2d(4, 3, padding=1))
    >>> params, state = dense.init(jax.random.key(0), (1, 8, 8, 3))
    >>> dense.apply(params, state, jnp.ones((1, 8, 8, 3)))[0].shape
    (1, 8, 8, 7)

    Reference: Szegedy et al., *Going Deeper with Convolutions* (2014).
    """
    _check_branches("Parallel", join, branches)

    def wire(flow: Any, x: Any) -> Any:
        return flow.join(join, [flow.part(name, x) for name in branches], layout)

    inlined = branches if as_flag("Parallel", "inline", inline) else ()
    return combined("Parallel", branches, wire, inline=inlined)


@described
def Split(
    *,
    sizes: Sequence[int] | None = None,
    join: str = "concat",
    inline: bool = False,
    layout: str | None = None,
    **branches: Layer,
) -> Layer:
    """A layer that splits the channels among several branches and joins their outputs.

    Args:
        sizes: how many channels each branch takes, in their order; equally many where it is
            left out.
        join: as in `Parallel`.
        inline: as in `Parallel`.
        layout: where the channels are; last where it is left out.
        **branches: the branches by name.

    Returns:
        A layer whose parameters are ``{branch: parameters}``.

    Raises:
        TypeError: as `Parallel`.
        ValueError: as `Parallel`; also if ``sizes`` are not one for each branch, or, when it
            runs, do not add up to the channels.

    >>> from jaxcnn.layers import Conv2d, Identity
    >>> half = Split(kept=Identity(), seen=Conv2d(4, 3, padding=1))
    >>> params, state = half.init(jax.random.key(0), (1, 8, 8, 6))
    >>> params["seen"]["kernel"].shape
    (3, 3, 3, 4)

    Reference: Ma, Zhang, Zheng and Sun, *ShuffleNet V2: Practical Guidelines for Efficient CNN
    Architecture Design* (2018).
    """
    _check_branches("Split", join, branches)
    if sizes is not None:
        sizes = tuple(as_int("Split", "sizes", size, minimum=1) for size in sizes)
        if len(sizes) != len(branches):
            raise ValueError(
                f"Split: `sizes` must be one for each of {len(branches)} branches, got {sizes}"
            )

    def wire(flow: Any, x: Any) -> Any:
        pieces = flow.split(x, len(branches) if sizes is None else sizes, layout)
        outputs = [flow.part(name, piece) for name, piece in zip(branches, pieces, strict=True)]
        return flow.join(join, outputs, layout)

    inlined = branches if as_flag("Split", "inline", inline) else ()
    return combined("Split", branches, wire, inline=inlined)


@described
def Inline(layer: Layer) -> Layer:
    """A layer whose own name is left out of the paths of its parameters.

    Args:
        layer: a layer made of named layers.

    Returns:
        The same layer; in a `Sequential` or a branch, its name is left out of the paths of its
        parts.

    Raises:
        TypeError: if ``layer`` is not a `Layer`.
        ValueError: if it has no named parts.

    >>> from jaxcnn.layers import Conv2d
    >>> expand = Parallel(expand1x1=Conv2d(8, 1), expand3x3=Conv2d(8, 3, padding=1))
    >>> fire = Sequential(squeeze=Conv2d(2, 1), expand=Inline(expand))
    >>> sorted(fire.init(jax.random.key(0), (1, 8, 8, 3))[0])
    ['expand1x1', 'expand3x3', 'squeeze']
    """
    check_parts("Inline", {"layer": layer})
    if names_of(layer) is None:
        raise ValueError("Inline: `layer` must be made of named layers, as a Sequential is")
    return around("Inline", layer, inline=True)


@described
def Remat(layer: Layer) -> Layer:
    """A layer whose intermediate results are computed again for its gradient (rematerialization).

    It takes less memory and more time. No name and no number changes.

    Args:
        layer: the layer.

    Returns:
        A layer with the parameters of ``layer``.

    Raises:
        TypeError: if ``layer`` is not a `Layer`.

    >>> from jaxcnn.layers import Dense
    >>> sorted(Remat(Dense(3)).init(jax.random.key(0), (1, 2))[0])
    ['bias', 'kernel']

    Reference: Chen, Xu, Zhang and Guestrin, *Training Deep Nets with Sublinear Memory Cost*
    (2016).
    """
    whole = around("Remat", layer)

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        again = jax.checkpoint(functools.partial(layer.apply, train=train))
        y, new_state = again(params, state, x, key=key)
        return y, new_state

    return whole._replace(apply=apply)


def around(op: str, layer: Layer, *, inline: bool = False) -> Layer:
    """A layer around one other layer, with the same parameters."""
    check_parts(op, {"layer": layer})

    def wire(flow: Any, x: Any) -> Any:
        return flow.part("layer", x)

    its = Description(parts={"layer": layer}, scopes={"layer": ""}, wire=wire, inline=inline)
    return Layer(layer.init, layer.apply, its)


def _check_branches(op: str, join: str, branches: dict[str, Layer]) -> None:
    choice(op, "join", join, JOINS)
    if not branches:
        raise ValueError(f"{op}: there must be at least one branch")
