"""Cases of dropout, which all use the same random key."""

from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, normal


def _keyed(op: str, label: str, x: Draw, **options: Any) -> Case:
    return Case(op, label, (x,), options, keyed=True)


CASES = (
    _keyed("dropout", "some", normal(3, 4), rate=0.4),
    _keyed("dropout", "none", normal(2, 3), rate=0),
    _keyed("dropout", "all", normal(2, 3), rate=1.0),
    _keyed("dropout", "images", normal(2, 2, 3, 2), rate=0.7),
    _keyed("dropout", "empty", normal(0, 3), rate=0.5),
    _keyed("channel_dropout", "some", normal(2, 2, 2, 5), rate=0.4),
    _keyed("channel_dropout", "none", normal(2, 2, 3), rate=0.0),
    _keyed("channel_dropout", "all", normal(2, 2, 3), rate=1),
    _keyed("channel_dropout", "nchw", normal(2, 5, 2, 1), rate=0.5, layout="NCHW"),
    _keyed("channel_dropout", "volumes", normal(1, 1, 2, 2, 4), rate=0.25),
    _keyed("channel_dropout", "empty", normal(0, 2, 4), rate=0.5),
)
