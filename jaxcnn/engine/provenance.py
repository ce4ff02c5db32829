"""Identifies the code and the processor that the bits of a convolution depend on."""

from typing import NamedTuple

import jax

from jaxcnn.engine import caches, compiler, tuned


class Identity(NamedTuple):
    """The code and the processor that compute convolutions and pools.

    Attributes:
        kind: ``"native"``: compiled code of this package; ``"portable"``: its algorithms in JAX's
            operations, on CPUs; ``"xla"``: XLA's own convolutions, on GPUs and TPUs.
        instructions: the machine and those of its instructions that sums of floats are computed
            by, as ``"x86_64 avx avx2 fma"``; nothing for ``"xla"``.
        sources: a digest of the native sources and the compiler's flags; nothing for the others.
        measured: a digest of what `jaxcnn.engine.tune` has measured, which decides between
            algorithms; nothing where it has measured nothing.
        reason: why there is no native code; nothing where there is, and on accelerators.
    """

    kind: str
    instructions: str = ""
    sources: str = ""
    measured: str = ""
    reason: str = ""

    def same(self, other: "Identity") -> bool:
        """Whether both compute the same bits; why there is no native code does not matter."""
        return self._replace(reason="") == other._replace(reason="")

    def __str__(self) -> str:
        """The identity in words, for a sentence."""
        if self.kind == "xla":
            return "XLA's own convolutions"
        what = f"native code {self.sources}" if self.kind == "native" else "JAX's own operations"
        machine, *rest = self.instructions.split()
        where = f"on {machine} ({', '.join(rest)})" if rest else f"on {machine}"
        tuned = f" with the measurements {self.measured}" if self.measured else ""
        return f"{what} {where}{tuned}" + (f", since {self.reason}" if self.reason else "")


def identity(platform: str | None = None) -> Identity:
    """Identify the code and the processor that compute convolutions and pools in this process.

    Two machines with the same jaxlib compute the same bits if their identities are the `same`.
    The compiler's version is not in it: the sums of the native code stand in a fixed order in its
    sources, and every product is fused with its sum where the processor can do that. The number
    of threads is not in it either, because each share of a sum is fixed as well.

    The first call on a machine compiles the native code, as its first convolution would; later
    ones read it from the cache, and within a process they cost nothing.

    Args:
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; left out, the one that JAX uses.

    >>> print(identity("tpu"))
    XLA's own convolutions
    >>> identity("cpu").same(identity("cpu"))
    True
    """
    if (platform or jax.default_backend()) != "cpu":
        return Identity("xla")
    reason = compiler.native().reason
    return Identity(
        kind="portable" if reason else "native",
        instructions=caches.instructions(),
        sources="" if reason else compiler.sources(),
        measured=tuned.digest(),
        reason=reason,
    )
