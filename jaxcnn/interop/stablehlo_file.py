"""The whole computation as a `jax.export` artefact, parameters included."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.interop.exported_model import ModelToExport

PLATFORMS = ("cpu", "cuda", "tpu")
"""The machines that an artefact runs on."""


def stablehlo(subject: ModelToExport) -> bytes:
    """The logits of one image or more, as one function of them.

    Args:
        subject: the model; any layers will do. Its batch normalizations are folded into the layers
            before them where they can be.

    Returns:
        What ``jax.export.deserialize`` reads: a function from float32 ``(n, h, w, c)`` in [0, 1]
        to logits ``(n, classes)``. Nothing but JAX is needed to call it.
    """
    from jax import export

    subject = subject.folded()

    def logits(images: jax.Array) -> Any:
        return subject.model.apply(subject.params, subject.state, images)[0]

    (batch,) = export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *subject.image_shape), jnp.float32)
    with _without_folders():
        exported = export.export(jax.jit(logits), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())


@contextlib.contextmanager
def _without_folders() -> Iterator[None]:
    """JAX notes the source of each operation; where it lies on this machine is nobody's concern."""
    name = "jax_hlo_source_file_canonicalization_regex"
    before = getattr(jax.config, name)
    jax.config.update(name, r".*[/\\]")
    try:
        yield
    finally:
        jax.config.update(name, before)
