"""``jaxcnn models``: lists the models of the zoo."""

import dataclasses

from jaxcnn.models.facts import FACTS

HEADINGS = ("model", "parameters", "multiply-adds", "image", "classes", "paper")


@dataclasses.dataclass(frozen=True)
class ModelsConfig:
    """List the models: parameters, multiply-adds of one image, the image they are for, paper.

    Each is a name for --model; the numbers are those for the image and the classes beside them.
    """


def models_command(command: ModelsConfig) -> str:
    """Run ``jaxcnn models``, and return the table."""
    rows = [
        (
            name,
            f"{facts.parameters:,}",
            f"{facts.multiply_adds / 1e6:,.1f} million",
            " × ".join(map(str, facts.image)),
            f"{facts.classes}",
            facts.paper,
        )
        for name, facts in FACTS.items()
    ]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines = []
    for row in (HEADINGS, *rows):
        cells = [
            cell.rjust(width) if 0 < place < 5 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
