"""What a run of tests found, property by property, for the tables of the docs."""

import collections
import contextlib
from collections.abc import Callable, Iterator, Mapping

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

    def count(self, subject: str, name: str, before: str) -> str:
        """The cell of one subject and one property; as it was ``before`` where none was tried."""
        cases = self.outcomes.get((subject, name), {})
        held = sum(cases.values())
        if not cases:
            return before
        return str(held) if held == len(cases) else f"**{held}/{len(cases)}**"

    def table(
        self, what: str, cases: Mapping[str, int], properties: Mapping[str, str], old: str
    ) -> str:
        """A row for each subject, a column for each property.

        Args:
            what: the heading of the subjects.
            cases: how many cases each subject has.
            properties: the headings of the properties by their names.
            old: the page as it was, for the cells of what was not tried.
        """
        before = _cells(old, what)
        lines = [
            f"| {what} | cases | " + " | ".join(properties.values()) + " |",
            "|---|" + "---|" * (len(properties) + 1),
        ]
        for subject, number in cases.items():
            cells = [
                self.count(subject, name, before.get((subject, title), "—"))
                for name, title in properties.items()
            ]
            lines.append(f"| `{subject}` | {number} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"


def _cells(page: str, what: str) -> dict[tuple[str, str], str]:
    """The cells of a page's table, by subject and title of the column."""
    lines = page.partition(f"| {what} |")
    rows = [line.strip("| ").split(" | ") for line in "".join(lines[1:]).splitlines()]
    titles, *subjects = [row for row in rows if not row[0].startswith("---")] or [[]]
    return {
        (name.strip("`"), title): cell
        for name, *cells in subjects
        for title, cell in zip(titles[1:], cells, strict=True)
    }
