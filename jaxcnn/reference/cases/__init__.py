"""Cases of the ops, as data: what `jaxcnn check` and the tests run through every property."""

from jaxcnn.reference.cases.case import Case, integers, normal, uniform

__all__ = ["Case", "integers", "normal", "uniform"]
