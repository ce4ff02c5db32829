"""What a run of tests found, property by property, for the tables of the docs."""

import collections
import contextlib
from collections.abc import Callable, Iterator

import pytest


@contextlib.contextmanager
def proving(
    record_property: Callable[[str, object], None], subject: str, name: str
) -> Iterator[None]:
    """Say in the report whether a property held of a subject, an op or a layer."""
    outcome = "failed"
    try:
        yield
        outcome = "held"
    finally:
        record_property(name, f"{subject} {outcome}")


class Recorder:
    """A pytest plugin that collects which property held of which subject in which case."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], dict[str, bool]] = collections.defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test of a case has said with `proving`."""
        if report.when != "call":
            return
        case = report.nodeid.partition("[")[2].removesuffix("]")
        for name, value in report.user_properties:
            subject, _, outcome = str(value).partition(" ")
            held = self.outcomes[subject, name].get(case, True) and outcome == "held"
            self.outcomes[subject, name][case] = held

    def count(self, subject: str, name: str) -> str:
        """The cell of one subject and one property."""
        cases = self.outcomes.get((subject, name), {})
        held = sum(cases.values())
        if not cases:
            return "—"
        return str(held) if held == len(cases) else f"**{held}/{len(cases)}**"
