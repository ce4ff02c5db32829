"""Example calls of every op, as data for `jaxcnn check` and the tests."""

from jaxcnn.reference.cases.case import Case, integers, normal, uniform

__all__ = ["Case", "integers", "normal", "uniform"]
