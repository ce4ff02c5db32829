"""Image files of people, as a network sees them."""

import pickle
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxcnn.data import DataError, Transform, load_dataset, read_input
from tests.data.idx_files import encoded

GREY = np.arange(28 * 28, dtype=np.uint32).reshape(28, 28) % 251
BYTES = GREY.astype(np.uint8)
DEEP = (GREY * 257).astype(np.uint16)
LUMA = 76 / 255, 150 / 255, 29 / 255
"""What Pillow makes of pure red, green and blue: 299, 587 and 114 thousandths of 255, rounded."""


@pytest.fixture
def save(tmp_path):
    def save(image, name="picture.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def palette_image():
    image = Image.fromarray(BYTES, "L").convert("P")
    image.putpalette([255 - i // 3 for i in range(768)])  # index i is grey 255 - i
    return image


def with_alpha(mode):
    """A picture whose right half cannot be seen."""
    image = Image.fromarray(BYTES).convert(mode)
    opaque = np.where(np.arange(28) < 14, 255, 0).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(opaque, (28, 1))))
    return image


def test_a_test_image_saved_and_read_is_what_the_network_saw(tiny, tmp_path, save):
    """The same numbers to the last bit, without loss: PNG, BMP, TIFF, PGM, WebP."""
    data = load_dataset("fashion_mnist", data_dir=tiny)
    wanted = data.test.images[3]
    image = Image.fromarray((wanted[..., 0] * 255).round().astype(np.uint8))
    for name, options in (("a.png", {}), ("a.bmp", {}), ("a.tiff", {}), ("a.pgm", {}), ("a.webp", {"lossless": True})):  # fmt: skip
        found = read_input(save(image.convert("RGB") if name == "a.webp" else image, name, **options), (28, 28, 1))  # fmt: skip
        np.testing.assert_array_equal(found, wanted, err_msg=name)
        assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("image", "name", "wanted"),
    [
        (Image.fromarray(BYTES), "a.png", BYTES / 255),
        (Image.fromarray(BYTES).convert("RGB"), "a.png", BYTES / 255),
        (Image.fromarray(BYTES > 99), "a.png", BYTES > 99),
        (palette_image(), "a.png", 1 - BYTES / 255),
        (Image.fromarray(DEEP), "a.png", DEEP / 65535),
        (Image.fromarray(DEEP), "a.tiff", DEEP / 65535),
        (Image.fromarray(DEEP.astype(np.int32)), "a.tiff", DEEP / 65535),
        (Image.fromarray(np.dstack([255 - BYTES] * 3)).convert("CMYK"), "a.tiff", 1 - BYTES / 255),
        (with_alpha("L"), "a.png", BYTES / 255),
        (with_alpha("RGB"), "a.png", BYTES / 255),
        (with_alpha("RGB"), "a.webp", BYTES / 255),
    ],
    ids=["L", "RGB", "1", "P", "I;16 PNG", "I;16 TIFF", "I", "CMYK", "LA", "RGBA", "RGBA WebP"],
)
def test_modes(image, name, wanted, save):
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    path = save(image, name, **options)
    for channels in (1, 3):
        found = read_input(path, (28, 28, channels))
        expected = np.repeat(np.asarray(wanted, np.float32)[..., None], channels, axis=2)
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_modes_in_the_files(save):
    """The files above are of the kinds that they stand for."""
    kinds = {"16.png": ("I;16", Image.fromarray(DEEP)), "p.png": ("P", palette_image()), "la.png": ("LA", with_alpha("L")),
             "1.png": ("1", Image.fromarray(BYTES > 99)), "i.tiff": ("I", Image.fromarray(DEEP.astype(np.int32)))}  # fmt: skip
    for name, (mode, image) in kinds.items():
        with Image.open(save(image, name)) as opened:
            assert opened.mode == mode


def test_colours_become_luma_and_stay_colours(save):
    stripes = np.repeat(np.eye(3, dtype=np.uint8) * 255, 4, axis=0)[:, None].repeat(12, 1)
    path = save(Image.fromarray(stripes))
    np.testing.assert_allclose(read_input(path, (12, 12, 1))[::4, 0, 0], LUMA, atol=1e-7)
    np.testing.assert_array_equal(read_input(path, (12, 12, 3)), stripes / 255)


def test_another_size_is_resized_as_in_training(save):
    raw = np.random.default_rng(0).integers(0, 256, (61, 17, 3)).astype(np.uint8)
    found = read_input(save(Image.fromarray(raw)), (28, 20, 3))
    np.testing.assert_array_equal(found, Transform((28, 20), 1 / 255)(raw[None])[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_was_held_sideways(orientation, save):
    """EXIF says which way is up; each value undoes one of the eight ways to hold a square."""
    turns = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
        6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_input(save(Image.fromarray(BYTES), exif=exif), (28, 28, 1))
    np.testing.assert_allclose(found[..., 0], turns[orientation](BYTES) / 255, atol=1e-7)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tiff"])
def test_the_first_frame_of_an_animation(name, save):
    frames = [Image.new("L", (28, 28), level) for level in (255, 100, 0)]
    path = save(frames[0], name, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_input(path, (28, 28, 1)), 1)


# Refusals.


def refused(path, message, image_shape=(28, 28, 1)):
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: {message}$") as caught:
        read_input(path, image_shape)
    assert "\n" not in str(caught.value)


class Malicious:
    """Unpickling it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_what_is_no_image_is_not_run_either(tmp_path):
    path, trace = tmp_path / "image.png", tmp_path / "trace"
    content = pickle.dumps(Malicious(trace))
    for data in (content, encoded(BYTES[None]), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9"):
        path.write_bytes(data)
        refused(path, "is no picture of a known format")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    refused(path, "is no picture of a known format")
    assert not trace.exists()


def test_a_network_of_other_channels(save):
    path = save(Image.fromarray(BYTES))
    refused(
        path,
        "becomes grey or coloured, .* the 4 channels that the network was trained on",
        (28, 28, 4),
    )


def test_a_shape_without_channels(save):
    with pytest.raises(DataError, match=r"image must be \(h, w, c\), got \(28, 28\)"):
        read_input(save(Image.fromarray(BYTES)), (28, 28))
