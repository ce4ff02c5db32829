"""Files that nobody has foreseen: each is read, or refused in one sentence, in a short time."""

import contextlib
import gzip
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jaxcnn.data import load_dataset, read_input
from jaxcnn.data.documents import parse_json, parse_toml
from jaxcnn.data.idx import read_images, read_labels
from jaxcnn.data.pictures import read_header
from jaxcnn.errors import UserError
from tests.data import idx_files, prepared
from tests.mutations import changed, documents
from tests.patience import within
from tests.sweep import sweep

IDX = idx_files.encoded(idx_files.IMAGES["train"])
LABELS = idx_files.encoded(idx_files.LABELS["train"])
TOML = b"""
# a comment
lr = 0.1
augment = ["flip", 'cutout']
data.split = "train[:10%]"
[augmentation]
cutout-size = 3
text = \"\"\"a "quoted" text\"\"\"
"""


@contextlib.contextmanager
def read_or_refused(error=UserError):
    """A reader has read what it was given, or has said why not, on one line."""
    with within(20):
        try:
            yield
            sentence = "well"
        except error as mistake:
            sentence = str(mistake)
    assert sentence.isprintable()
    assert 0 < len(sentence) < 1000


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


@sweep(300)
@given(st.one_of(documents({"a": [1, 2.5, {"b": None}], "c": "d"}), changed(b'{"a": "\\""}')))
def test_json(content):
    with read_or_refused(ValueError):
        parse_json(content.decode("utf-8", "replace"))


@sweep(300)
@given(changed(TOML))
def test_toml(content):
    with read_or_refused(ValueError):
        parse_toml(content.decode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_images, IDX),
        (read_images, gzip.compress(IDX, mtime=0)),
        (read_labels, LABELS),
        (read_labels, gzip.compress(LABELS, mtime=0)),
    ],
    ids=["images", "zipped images", "labels", "zipped labels"],
)
@sweep(200)
@given(data=st.data())
def test_idx_files(read, content, data):
    with tempfile.NamedTemporaryFile() as file, read_or_refused():
        file.write(data.draw(changed(content)))
        file.flush()
        read(Path(file.name))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"])
@sweep(100)
@given(data=st.data())
def test_pictures(kind, data):
    with tempfile.NamedTemporaryFile(suffix=f".{kind.lower()}") as file:
        file.write(data.draw(changed(picture(kind))))
        file.flush()
        with read_or_refused():
            read_header(file.name)
        with read_or_refused():
            read_input(file.name, (4, 4, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepared.write(tmp_path_factory.mktemp("tfds"))


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
@sweep(80)
@given(data=st.data())
def test_descriptions_of_prepared_data(folder, name, data):
    path = folder / name
    before = path.read_bytes()
    path.write_bytes(data.draw(documents(json.loads(before))))
    try:
        with read_or_refused():
            load_dataset("mnist", data_dir=folder.parents[1])
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["label.labels.txt", "mnist-test.array_record-00000-of-00001"])
@sweep(40)
@given(data=st.data())
def test_files_of_prepared_data(folder, name, data):
    path = folder / name
    before = path.read_bytes()
    path.write_bytes(data.draw(changed(before)))
    try:
        with read_or_refused():
            load_dataset("mnist", data_dir=folder.parents[1])
    finally:
        path.write_bytes(before)
