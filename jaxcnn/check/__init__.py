"""Checks that the ops compute correctly on this machine, and looks for known defects of jax.

`check_ops` runs the cases of the tests against the NumPy reference; `known_defects` tries small
programs that some releases of jaxlib compute wrongly, or crash on. `jaxcnn check` prints both.
"""

from jaxcnn.check.defects import Finding, known_defects
from jaxcnn.check.op_checks import OpCheck, check_ops, checkable

__all__ = ["Finding", "OpCheck", "check_ops", "checkable", "known_defects"]
