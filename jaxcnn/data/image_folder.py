"""Reads a folder of pictures that has one subfolder for each class."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Int64

from jaxcnn.data.dataset import Source
from jaxcnn.data.errors import DataError
from jaxcnn.data.held_out import held_out_of
from jaxcnn.data.options import DataOptions
from jaxcnn.data.pictures import Header, has_name_of_picture, read_header, read_picture
from jaxcnn.data.random_crops import RandomCrops
from jaxcnn.data.selection import Rows, Selection
from jaxcnn.data.transform import Transform
from jaxcnn.errors import shown

SPLITS = ("train", "test", "validation", "val")
"""Names of subfolders that are splits, if ``train`` is among them; else subfolders are classes."""

MANY = 50_000
"""From so many pictures on, and with ``image_size``, only some are looked into at first."""

_SAMPLE = 1000
"""How many are looked into then."""


@dataclass(frozen=True)
class Scan:
    """The pictures that were found in a folder with one subfolder for each class.

    Attributes:
        class_names: the subfolders' names, sorted.
        paths: the pictures, class after class, each class sorted.
        labels: the class of each.
        headers: the size of each; ``None`` where it was not looked into.
        skipped: the other files, which are no pictures.
    """

    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    headers: tuple[Header | None, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FolderExamples:
    """The examples of an image folder, whose pictures are decoded when they are read.

    Attributes:
        paths: the files.
        labels: the class of each.
        headers: the size of each, from its header; ``None`` where it was not looked into.
        image_shape: ``(h, w, c)`` of every image that `read` gives.
        transform: what is done to the raw pixels.
    """

    paths: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    headers: tuple[Header | None, ...]
    image_shape: tuple[int, int, int]
    transform: Transform

    def __len__(self) -> int:
        return len(self.paths)

    def read(
        self, rows: Rows, crops: RandomCrops | None = None
    ) -> tuple[Float32[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """Images in [0, 1], or parts, and labels; a `DataError` has the path of a damaged file."""
        images = np.empty((len(rows), *self.image_shape), np.float32)
        for index, row in enumerate(rows):
            raw = read_picture(self.paths[row], self.image_shape[2])
            if crops is None:
                image = self.transform(raw[np.newaxis])[0]
            else:
                image = self.transform.part(raw, crops.box(index, *raw.shape[:2]))
            if image.shape != self.image_shape:
                raise _other_size(self.paths[row], raw.shape[:2], self.image_shape[:2])
            images[index] = image
        return images, self.labels[rows].astype(np.int32)


def open_image_folder(folder: Path, options: DataOptions) -> Source:
    """Open a folder of pictures; each is decoded when it is read.

    Args:
        folder: with one subfolder per class, or with ``train`` and ``test`` (and ``validation``
            or ``val``) that each have one subfolder per class. Pictures may lie deeper in the
            subfolder of their class; hidden files and folders are ignored.
        options: the size and channels of the images. By default the pictures must have the same
            size, and are grey if all of them are. With ``image_size``, of `MANY` pictures only some
            are looked into; the others are pictures by their names until they are read.

    Returns:
        The data set. Without a subfolder ``train``, the splits are ``test`` (a fifth of each
        class), ``train`` (the rest) and ``all``, each in an order in which every slice holds the
        classes in proportion.

    Raises:
        DataError: if there are fewer than two classes, a class without pictures, a file that has
            a picture's name and is none, pictures of several sizes and no ``image_size``, or,
            with ``strict``, any file that is no picture.
    """
    parts = _split_folders(folder)
    sampled = options.size is not None
    scans = {name: _scan(path, sampled) for name, path in (parts or {"all": folder}).items()}
    class_names = scans["train" if parts else "all"].class_names
    _check_classes(folder, scans, class_names)
    origin = f"image folder {shown(folder)}{_skipped_note(scans, options.strict)}"
    transform = Transform(options.size, 1 / 255, options.resize_shorter)
    shape = _image_shape(scans, options)
    found = {
        name: FolderExamples(
            scan.paths, _labels_in(scan, class_names), scan.headers, shape, transform
        )
        for name, scan in scans.items()
    }
    chosen = {name: Selection.of(examples, _mixed(examples)) for name, examples in found.items()}
    if not parts:
        chosen = _held_out(found["all"]) | chosen
        origin += ", a fifth of each class held out"
    return Source("image_folder", chosen, tuple(map(shown, class_names)), transform, origin)


def _split_folders(folder: Path) -> dict[str, Path]:
    """The subfolders that are splits; none where subfolders are classes."""
    names = [os.path.basename(path) for path, kind in _entries(folder) if kind is None]
    splits = [name for name in SPLITS if name in names]
    if "train" not in splits or len(splits) == 1:
        return {}
    others = sorted(set(names) - set(splits))
    if others:
        raise DataError(
            f"{shown(folder)}: has the folders {', '.join(splits)} and {shown(others[0])}, "
            "expected either splits or classes"
        )
    return {name: folder / name for name in splits}


def _scan(folder: Path, sampled: bool) -> Scan:
    """Everything below a folder with one subfolder per class.

    If ``sampled``, only some of many pictures are looked into.
    """
    entries = _entries(folder)
    names = tuple(os.path.basename(path) for path, kind in entries if kind is None)
    paths: list[str] = []
    labels: list[int] = []
    headers: list[Header | None] = []
    skipped = [path for path, kind in entries if kind is not None]
    files = [
        (label, path, is_file)
        for label, name in enumerate(names)
        for path, is_file in _files_below(folder / name)
    ]
    every = len(files) // _SAMPLE if sampled and len(files) >= MANY else 1
    for index, (label, path, is_file) in enumerate(files):
        opened = is_file and (index % every == 0 or not has_name_of_picture(path))
        header = read_header(path) if opened else None
        if header is None and (opened or not is_file):
            skipped.append(path)
            continue
        paths.append(path)
        labels.append(label)
        headers.append(header)
    numbers = np.asarray(labels, np.int64)
    return Scan(names, tuple(paths), numbers, tuple(headers), tuple(skipped))


def _files_below(folder: Path) -> Iterator[tuple[str, bool]]:
    """Every file below ``folder``, in a fixed order, and whether it is a regular one.

    A pipe or a device is never opened, since that could block forever. Links are followed, but
    into no folder twice and into none that ``folder`` itself lies in, which would lead in a
    circle or to the pictures of other classes.
    """
    seen = {_identity(above) for above in folder.resolve().parents}
    waiting: list[tuple[str, bool | None]] = [(os.fspath(folder), None)]
    while waiting:
        path, is_file = waiting.pop()
        if is_file is not None:
            yield path, is_file
        elif _identity(path) not in seen:
            seen.add(_identity(path))
            waiting += reversed(_entries(path))


def _kind(entry: "os.DirEntry[str]") -> bool | None:
    try:
        return None if entry.is_dir() else entry.is_file()
    except OSError:  # a link to itself
        return False


def _identity(folder: str | Path) -> tuple[int, int]:
    """What is the same for all names of a folder."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _entries(folder: str | Path) -> list[tuple[str, bool | None]]:
    """The paths in a folder, sorted by name (code points, so everywhere the same), none hidden.

    With each comes whether it is a regular file; ``None`` for a folder, which is neither yes nor
    no.
    """
    try:
        with os.scandir(folder) as found:
            shown_ones = [entry for entry in found if not entry.name.startswith(".")]
            shown_ones.sort(key=lambda entry: entry.name)
            return [(os.path.join(folder, entry.name), _kind(entry)) for entry in shown_ones]
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be read ({error.strerror or error})") from None


def _check_classes(folder: Path, scans: Mapping[str, Scan], class_names: Sequence[str]) -> None:
    if not class_names:
        raise DataError(f"{shown(folder)}: has no subfolders, expected one for each class")
    if len(class_names) == 1:
        raise DataError(
            f"{shown(folder)}: has the one class {shown(class_names[0])}, expected at least two "
            "subfolders with pictures"
        )
    for name, scan in scans.items():
        strangers = sorted(set(scan.class_names) - set(class_names))
        if strangers:
            raise DataError(
                f"{shown(folder / name)}: has the class {shown(strangers[0])}, which "
                f"{shown(folder / 'train')} has not"
            )
    first = next(iter(scans.values()))
    counts = np.bincount(first.labels, minlength=len(first.class_names))
    for empty in np.flatnonzero(counts == 0)[:1]:
        raise DataError(
            f"{shown(folder)}: the class {shown(first.class_names[empty])} has no pictures, "
            "expected at least 1"
        )


def _skipped_note(scans: Mapping[str, Scan], strict: bool) -> str:
    skipped = [path for scan in scans.values() for path in scan.skipped]
    if not skipped:
        return ""
    first, count = shown(skipped[0]), len(skipped)
    if strict:
        raise DataError(
            f"{first}: is no picture of a class (one of {count:,} such files), and --strict skips "
            "none"
        )
    files = "file that is no picture" if count == 1 else "files that are no pictures"
    return f", {count:,} {files} of a class skipped (first {first})"


def _image_shape(scans: Mapping[str, Scan], options: DataOptions) -> tuple[int, int, int]:
    headers = [header for scan in scans.values() for header in scan.headers if header is not None]
    channels = options.channels or (1 if all(header.grey for header in headers) else 3)
    if options.size is not None:
        return (*options.size, channels)
    size = headers[0][:2]
    for scan in scans.values():
        for path, header in zip(scan.paths, scan.headers, strict=True):
            if header is not None and header[:2] != size:
                raise _other_size(path, header[:2], size)
    return (*size, channels)


def _other_size(path: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> DataError:
    return DataError(
        f"{shown(path)}: {found[0]}×{found[1]} pixels, expected {wanted[0]}×{wanted[1]} as in the "
        "first picture, or --image-size to resize all"
    )


def _labels_in(scan: Scan, class_names: Sequence[str]) -> Int64[np.ndarray, " n"]:
    """The labels of a scan, numbered as ``class_names`` has the classes."""
    numbers = np.array([class_names.index(name) for name in scan.class_names], np.int64)
    return numbers[scan.labels]


def _mixed(examples: FolderExamples) -> Int64[np.ndarray, " n"]:
    """An order without random numbers in which every slice holds the classes in proportion."""
    place = np.empty(len(examples))
    for label in np.unique(examples.labels):
        rows = np.flatnonzero(examples.labels == label)
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(place, kind="stable")


def _held_out(examples: FolderExamples) -> dict[str, Selection]:
    """The splits of a folder that says nothing of them."""
    order = _mixed(examples)
    test = held_out_of(examples.labels)[order]
    return {
        "train": Selection.of(examples, order[~test]),
        "test": Selection.of(examples, order[test]),
    }
