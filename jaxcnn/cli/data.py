"""``jaxcnn data inspect``: shows the classes, image sizes and pixels of a data set."""

import dataclasses
import io
from pathlib import Path
from typing import Annotated, Literal

from jaxcnn.cli.flags import Operand
from jaxcnn.data import DataOptions, open_dataset
from jaxcnn.runs import UserError
from jaxcnn.writing import write_whole


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Show the classes, image sizes and pixels of a data set, and draw a contact sheet.

    Every image is read, so that a damaged one is found before a training run finds it.

    Attributes:
        action: What to do: inspect.
        dataset: The data set: digits, fashion_mnist, mnist, image_folder, or a TFDS name.
        data_dir: Folder with the four IDX files, a TFDS data folder, or, for image_folder, a
            folder with a subfolder of pictures for each class.
        output: PNG file for the contact sheet with training images of each class; left out,
            none.
        samples: The number of images of each class on the contact sheet.
        data: Which images, and how they are read.
    """

    action: Annotated[Literal["inspect"], Operand("ACTION")]
    dataset: str = "digits"
    data_dir: Path | None = None
    output: Path | None = None
    samples: int = 10
    data: DataOptions = dataclasses.field(default_factory=DataOptions)


def data_command(command: DataConfig) -> str:
    """Run ``jaxcnn data inspect``: write the contact sheet, and return the text to print."""
    if not 1 <= command.samples <= 100:
        raise UserError(f"--samples must be from 1 to 100, got {command.samples}")
    if command.output is not None:
        _check_output(command.output)
    # Pillow takes a moment to import, which the other commands need not wait for.
    from jaxcnn.data.inspection import as_text, inspect_split

    data = open_dataset(command.dataset, data_dir=command.data_dir, options=command.data)
    classes = len(data.class_names)
    train, test = (
        inspect_split(split, classes, samples=command.samples) for split in (data.train, data.test)
    )
    text = as_text(data, train, test)
    if command.output is None:
        return text
    from jaxcnn.data.contact_sheet import draw_contact_sheet

    file = io.BytesIO()
    draw_contact_sheet(train.samples, data.class_names).save(file, "PNG")
    write_whole(command.output, file.getvalue())
    return f"{text}\ncontact sheet: {command.output}"


def _check_output(output: Path) -> None:
    """Refuse an output file that cannot be written, before all images are read."""
    if output.suffix.lower() != ".png":
        raise UserError(f"--output must end in .png, got {output}")
    if output.is_dir():
        raise UserError(f"--output {output} is a folder")
    if not output.absolute().parent.is_dir():
        raise UserError(f"--output {output} cannot be written: there is no such folder")
