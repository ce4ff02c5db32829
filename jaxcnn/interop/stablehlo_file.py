"""Exports a model to StableHLO with `jax.export`, parameters included."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.interop.model_to_export import ModelToExport

PLATFORMS = ("cpu", "cuda", "tpu")
"""The platforms that an exported model runs on."""


def stablehlo(trained: ModelToExport) -> bytes:
    """Export a model as one function from images to logits.

    Args:
        trained: the model; any layers will do. Its batch normalizations are folded into the layers
            before them where they can be.

    Returns:
        Bytes for ``jax.export.deserialize``: a function from float32 ``(n, h, w, c)`` in [0, 1]
        to logits ``(n, classes)``. Nothing but JAX is needed to call it.
    """
    from jax import export

    trained = trained.folded()

    def logits(images: jax.Array) -> Any:
        return trained.model.apply(trained.params, trained.state, images)[0]

    (batch,) = export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *trained.image_shape), jnp.float32)
    with _without_folders():
        exported = export.export(jax.jit(logits), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())


@contextlib.contextmanager
def _without_folders() -> Iterator[None]:
    """Remove the folders of source files from the debug information that JAX writes."""
    name = "jax_hlo_source_file_canonicalization_regex"
    before = getattr(jax.config, name)
    jax.config.update(name, r".*[/\\]")
    try:
        yield
    finally:
        jax.config.update(name, before)
