import numpy as np
import pytest
from PIL import Image

from jaxcnn.cli.data import DataConfig, data_command
from jaxcnn.data import DataError, DataOptions, inspection, open_dataset
from jaxcnn.data.contact_sheet import CLASSES, draw_contact_sheet
from jaxcnn.data.inspection import inspect_split
from jaxcnn.runs import UserError
from tests.data.folders import noise, truncate, write


def test_figures_of_a_split_are_those_of_all_its_images(monkeypatch):
    monkeypatch.setattr(inspection, "PIXELS_AT_ONCE", 100 * 784)
    digits = open_dataset("digits")
    report, test = inspect_split(digits.test, 10, samples=3), digits.test.load()
    assert report.counts.tolist() == np.bincount(test.labels).tolist()
    assert (report.lowest, report.highest) == (test.images.min(), test.images.max())
    np.testing.assert_allclose(report.mean, test.images.mean(dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(report.deviation, test.images.std(dtype=np.float64), rtol=1e-9)
    for label in range(10):
        first = test.images[test.labels == label][:3]
        np.testing.assert_array_equal(report.samples[label], first)


def test_a_folder_is_inspected(tmp_path):
    write(tmp_path, {"cat": 10, "näh": 5})
    noise(tmp_path / "cat" / "0.png", (40, 30))
    (tmp_path / "cat" / "notes").write_text("…")
    output = tmp_path / "contact.png"
    options = DataOptions(image_size=8)
    lines = data_command(
        DataConfig("inspect", "image_folder", tmp_path, output, 4, options)
    ).splitlines()
    assert "1 file that is no picture of a class skipped" in lines[0]
    assert [line.split() for line in lines[1:5]] == [
        ["class", "train", "test"], ["cat", "8", "2"], ["näh", "4", "1"], ["all", "12", "3"],
    ]  # fmt: skip
    assert lines[5:8] == [
        "images: 8×8, colour",
        "heights of the files: 5 to 40, median 5",
        "widths of the files: 4 to 30, median 4",
    ]
    assert lines[-1] == f"contact sheet: {output}"
    with Image.open(output) as sheet:
        assert sheet.size == (160 + 4 * 68 + 4, 2 * 68 + 4)
        colours = np.asarray(sheet.crop((160, 0, *sheet.size)))
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 10


def test_inspection_finds_a_damaged_picture(tmp_path):
    write(tmp_path, {"a": 3, "b": 3}, size=(40, 30))
    path = truncate(noise(tmp_path / "b" / "2.png"))
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        data_command(DataConfig("inspect", "image_folder", tmp_path, data=DataOptions(channels=1)))


def test_a_sheet_is_bounded():
    image = np.zeros((1, 2000, 3), np.float32)
    names = [f"{'long ' * 20}{label}" for label in range(1000)]
    sheet = draw_contact_sheet({label: [image] for label in range(1000)}, names)
    assert sheet.size == (160 + 68 + 4, CLASSES * 68 + 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "x.jpg"}, r"--output must end in \.png, got .+x\.jpg"),
        ({"output": "folder.png"}, r"--output .+folder\.png is a folder"),
        (
            {"output": "no/x.png"},
            r"--output .+no/x\.png cannot be written: there is no such folder",
        ),
        ({"samples": 0}, "--samples must be from 1 to 100, got 0"),
    ],
)
def test_what_cannot_be_written_is_refused_first(tmp_path, change, message):
    (tmp_path / "folder.png").mkdir()
    if "output" in change:
        change = {"output": tmp_path / change["output"]}
    with pytest.raises(UserError, match=f"^{message}$"):
        data_command(DataConfig("inspect", "no such data set", **change))
