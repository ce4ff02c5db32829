import contextlib
import os
import sys

import numpy as np
import pytest
from PIL import Image

from jaxcnn.data import DataError, DataOptions, Transform, load_dataset, open_dataset
from jaxcnn.data.image_folder import open_image_folder
from jaxcnn.data.inspection import raw_sizes
from tests.data.folders import noise, truncate, write
from tests.data.refusals import refused as refused_anywhere

ALL = DataOptions(split="all[:-1]", test_split="all[-1:]")


def levels(split):
    return np.rint(split.images[:, 0, 0, 0] * 255).astype(int).tolist()


def refused(message, folder, **options):
    refused_anywhere(message, "image_folder", data_dir=folder, options=DataOptions(**options))


def test_a_subfolder_is_a_class(tmp_path):
    write(tmp_path, {"cat": 10, "dog": 5})
    data = load_dataset("image_folder", data_dir=tmp_path)
    assert data.class_names == ("cat", "dog")
    assert data.image_shape == (5, 4, 1)
    assert data.transform == Transform(size=None, scale=1 / 255)
    assert data.source == f"image folder {tmp_path}, a fifth of each class held out"
    # The third and the eighth of each class, and the classes in turn.
    assert levels(data.test) == [2, 12, 7]
    assert data.test.labels.tolist() == [0, 1, 0]
    assert levels(data.train) == [0, 10, 1, 11, 3, 4, 5, 6, 13, 8, 14, 9]


def test_every_slice_holds_the_classes_in_proportion(tmp_path):
    write(tmp_path, {"a": 12, "b": 8, "c": 4})
    options = DataOptions(split="all[:75%]", test_split="all[75%:]")
    data = load_dataset("image_folder", data_dir=tmp_path, options=options)
    assert np.bincount(data.train.labels).tolist() == [9, 6, 3]
    assert np.bincount(data.test.labels).tolist() == [3, 2, 1]


def test_folders_of_splits(tmp_path):
    write(tmp_path / "train", {"a": 3, "b": 2})
    write(tmp_path / "test", {"b": 1})
    write(tmp_path / "val", {"a": 1, "b": 1})
    data = load_dataset("image_folder", data_dir=tmp_path)
    assert (len(data.train), data.test.labels.tolist()) == (5, [1])
    data = load_dataset("image_folder", data_dir=tmp_path, options=DataOptions(test_split="val"))
    assert data.test.labels.tolist() == [0, 1]


def test_a_class_may_be_called_train(tmp_path):
    write(tmp_path, {"bus": 5, "train": 5})
    assert load_dataset("image_folder", data_dir=tmp_path).class_names == ("bus", "train")


def test_pictures_of_several_sizes_are_resized_as_documented(tmp_path):
    write(tmp_path, {"a": 3, "b": 3})
    odd = noise(tmp_path / "b" / "1.png", (40, 30))
    message = (
        rf"{odd}: 40×30 pixels, expected 5×4 as in the first picture, or --image-size to resize all"
    )
    refused(message, tmp_path)
    options = DataOptions("all[:-1]", "all[-1:]", image_size=8)
    data = load_dataset("image_folder", data_dir=tmp_path, options=options)
    assert data.image_shape == (8, 8, 3)
    expected = Transform(size=(8, 8), scale=1 / 255)(np.asarray(Image.open(odd))[np.newaxis])
    assert any(np.array_equal(image, expected[0]) for image in data.train.images)


def test_channels_are_those_of_the_pictures_or_as_asked(tmp_path):
    write(tmp_path, {"a": 3, "b": 3})
    write(tmp_path / "c", {"c": 3}, mode="RGB")
    assert load_dataset("image_folder", data_dir=tmp_path).image_shape == (5, 4, 3)
    grey = load_dataset("image_folder", data_dir=tmp_path, options=DataOptions(channels=1))
    assert grey.image_shape == (5, 4, 1)


def test_what_is_no_picture_is_counted_or_refused(tmp_path):
    write(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "a" / "notes.txt").write_text("…")
    (tmp_path / "b" / ".hidden.png").write_text("no picture")
    (tmp_path / ".cache").mkdir()
    os.mkfifo(tmp_path / "b" / "pipe.png")  # opening it would wait for ever
    (tmp_path / "b" / "lost.png").symlink_to("nowhere")
    source = load_dataset("image_folder", data_dir=tmp_path).source
    note = f"3 files that are no pictures of a class skipped (first {tmp_path}/a/notes.txt)"
    assert note in source
    message = rf"{tmp_path}/a/notes.txt: is no picture of a class \(one of 3 such files\), and --strict skips none"
    refused(message, tmp_path, strict=True)


@pytest.mark.parametrize("strict", [False, True])
def test_a_damaged_picture_is_never_skipped(tmp_path, strict):
    write(tmp_path, {"a": 3, "b": 3}, size=(40, 30))
    path = truncate(noise(tmp_path / "b" / "1.png"))
    refused(
        rf"{path}: cannot be read \(.+\), expected a whole picture",
        tmp_path,
        strict=strict,
        channels=1,
    )
    path.write_bytes(b"")
    refused(rf"{path}: is no picture, though its name says so", tmp_path, strict=strict)


def test_links_are_followed_but_not_in_circles(tmp_path):
    """Nor out of the class, to the folder of all classes or above."""
    folder = write(tmp_path / "set", {"a": 3, "b": 3})
    write(tmp_path, {"elsewhere": 2})
    for name, target in (
        ("self", "self"),
        ("up", ".."),
        ("root", "/"),
        ("more", "../../elsewhere"),
    ):
        (folder / "a" / name).symlink_to(target)
    (tmp_path / "elsewhere" / "back").symlink_to("../set/a")
    data = load_dataset("image_folder", data_dir=folder, options=ALL)
    labels = np.concatenate([data.train.labels, data.test.labels])
    assert np.bincount(labels).tolist() == [5, 3]


def test_names_with_odd_characters(tmp_path, capsys):
    names = ["a b", "näh'\"e", "line\nbreak", os.fsdecode(b"\xff\xfe"), "日本"]
    write(tmp_path, dict.fromkeys(names, 3))
    data = load_dataset("image_folder", data_dir=tmp_path)
    assert data.class_names == ("a b", "line\\nbreak", "näh'\"e", "日本", "\\udcff\\udcfe")
    print(data.class_names)  # as UTF-8, which has no place for a single surrogate
    (tmp_path / "line\nbreak" / "0.png").write_bytes(b"")
    refused(rf"{tmp_path}/line\\nbreak/0.png: is no picture, though its name says so", tmp_path)


def test_the_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    write(tmp_path, {"a": 12, "b": 8})
    first = open_dataset("image_folder", data_dir=tmp_path).load()
    scandir = os.scandir

    @contextlib.contextmanager
    def backwards(path):
        with scandir(path) as found:
            yield sorted(found, key=lambda entry: entry.name, reverse=True)

    monkeypatch.setattr(os, "scandir", backwards)
    again = open_dataset("image_folder", data_dir=tmp_path).load()
    np.testing.assert_array_equal(first.train.images, again.train.images)


def test_a_deep_folder_is_read_without_recursion(tmp_path):
    write(tmp_path, {"a": 1, "b": 1})
    deep = tmp_path / "a"
    for _ in range(350):
        deep = deep / "d"
        deep.mkdir()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        source = open_image_folder(tmp_path, DataOptions())
    finally:
        sys.setrecursionlimit(limit)
    assert len(source.parts["all"]) == 2


def nothing(folder):
    pass


def flat_files(folder):
    write(folder, {"x": 2})
    (folder / "x" / "0.png").rename(folder / "0.png")
    (folder / "x" / "1.png").unlink()
    (folder / "x").rmdir()


def empty_class(folder):
    write(folder, {"a": 2, "b": 0})


def one_class(folder):
    write(folder, {"a": 5})


def one_image(folder):
    write(folder, {"a": 1})


def one_image_each(folder):
    write(folder, {"a": 1, "b": 1})


def stranger(folder):
    write(folder / "train", {"a": 2, "b": 2})
    write(folder / "test", {"a": 2, "c": 2})


def both(folder):
    write(folder, {"train": 1, "test": 1, "bus": 1})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, "{}: has no subfolders, expected one for each class"),
        (flat_files, "{}: has no subfolders, expected one for each class"),
        (empty_class, "{}: the class b has no pictures, expected at least 1"),
        (one_class, "{}: has the one class a, expected at least two subfolders with pictures"),
        (one_image, "{}: has the one class a, expected at least two subfolders with pictures"),
        (one_image_each, "--test-split 'test': 0 examples, expected at least 1"),
        (stranger, "{0}/test: has the class c, which {0}/train has not"),
        (both, "{}: has the folders train, test and bus, expected either splits or classes"),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(tmp_path, make, message):
    make(tmp_path)
    refused(message.format(tmp_path), tmp_path)


def test_two_pictures_are_enough_where_the_splits_are_said(tmp_path):
    write(tmp_path, {"a": 1, "b": 1})
    data = load_dataset("image_folder", data_dir=tmp_path, options=ALL)
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([0], [1])


def test_a_folder_is_needed():
    refused_anywhere(
        "image_folder needs --data-dir, a folder with a subfolder per class", "image_folder"
    )


def test_a_picture_that_changes_after_it_was_found(tmp_path):
    write(tmp_path, {"a": 3, "b": 3})
    data = open_dataset("image_folder", data_dir=tmp_path)
    noise(tmp_path / "a" / "0.png", (9, 9))
    with pytest.raises(DataError, match="0.png: 9×9 pixels, expected 5×4 as in the first picture"):
        data.load()


def test_of_many_pictures_only_some_are_looked_into(tmp_path, monkeypatch):
    """With ``--image-size``; a broken one is found when it is read, another kind of file at once."""
    write(tmp_path, {"cat": 9, "dog": 8})
    for wrong in sorted(tmp_path.glob("*/*.png"))[1:3]:
        wrong.write_bytes(b"no picture")
    (tmp_path / "cat" / "notes.txt").write_text("mine")
    refused(".*1.png: is no picture, though its name says so", tmp_path, image_size=6)
    monkeypatch.setattr("jaxcnn.data.image_folder.MANY", 10)
    monkeypatch.setattr("jaxcnn.data.image_folder._SAMPLE", 3)
    refused(
        ".*1.png: is no picture, though its name says so", tmp_path
    )  # all sizes are needed then
    data = open_dataset("image_folder", data_dir=tmp_path, options=DataOptions(image_size=6))
    assert len(data.train) + len(data.test) == 17
    assert "1 file that is no picture" in data.source
    assert data.train.image_shape == (6, 6, 1)
    assert raw_sizes(data).shape == (3, 2)
    with pytest.raises(DataError, match="is no picture"):
        data.load()
