"""`--random-crop`: training sees random parts of the pictures, drawn anew in each epoch."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxcnn.data import DataError, DataOptions, Transform, load_dataset, open_dataset
from jaxcnn.data.random_crops import drawn
from jaxcnn.data.stream import Stream
from jaxcnn.errors import UserError
from jaxcnn.layers import Dense, Flatten, Sequential
from jaxcnn.runs import train
from jaxcnn.runs.plan import SweepConfig, check_plan
from tests.data import prepared
from tests.data.folders import of_several_sizes

SIZES = ((300, 300), (48, 31), (31, 48), (1, 500), (2, 2), (1, 1))


@pytest.fixture
def pictures(tmp_path):
    return of_several_sizes(tmp_path / "pictures", 5)


def test_a_part_has_its_share_where_one_fits():
    """Else it is the middle, cut to 3:4 or 4:3."""
    photographs = drawn([1], 300, 0.9)
    for index in range(300):
        rows, columns = photographs.box(index, 375, 500)
        share = (rows.stop - rows.start) * (columns.stop - columns.start) / (375 * 500)
        assert share > 0.895
    rows, columns = photographs.box(0, 100, 1000)
    assert (rows, columns) == (slice(0, 100), slice(433, 566))
    assert photographs.box(0, 1000, 100) == (slice(433, 566), slice(0, 100))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_parts_lie_in_the_picture(height, width):
    crops = drawn([7], 500, 0.08)
    boxes = [crops.box(index, height, width) for index in range(500)]
    for rows, columns in boxes:
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
    if height == width == 300:
        sizes = np.array([(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in boxes])  # fmt: skip
        shares, ratios = sizes.prod(1) / 300**2, sizes[:, 1] / sizes[:, 0]
        assert 0.079 < shares.min() < 0.1 < 0.9 < shares.max() <= 1
        assert abs(np.median(shares) - 0.5) < 0.06
        assert 0.74 < ratios.min() < 0.76 < 1.3 < ratios.max() < 1.35
        assert {rows.start == 0 for rows, _ in boxes} == {True, False}
        assert {rows.stop == 300 for rows, _ in boxes} == {True, False}


def test_a_part_is_resized_as_by_pillow():
    raw = np.random.default_rng(1).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    found = Transform((16, 16), 1 / 255, shorter=20).part(raw, (slice(3, 33), slice(10, 58)))
    wanted = Image.fromarray(raw).crop((10, 3, 58, 33)).resize((16, 16), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(found, np.asarray(wanted) / 255, atol=1.01 / 255)


def test_reading_gives_the_drawn_parts(pictures):
    options = DataOptions(image_size=12, resize_shorter=14, random_crop=0.2)
    data = open_dataset("image_folder", data_dir=pictures, options=options)
    rows = np.array([4, 0, 9])
    crops = drawn([3], 3, 0.2)
    read = data.train.read(rows, crops)
    ((examples, its_rows),) = data.train.selection.pieces
    for index, row in enumerate(rows):
        raw = np.asarray(Image.open(examples.paths[its_rows[row]]))
        part = data.transform.part(raw, crops.box(index, *raw.shape[:2]))
        np.testing.assert_array_equal(read.images[index], part)
    assert np.array_equal(data.train.read(rows).labels, read.labels)


def test_arrays_are_cropped_too():
    data = open_dataset("digits", options=DataOptions(random_crop=0.5))
    crops = drawn([1], 2, 0.5)
    ((examples, its_rows),) = data.train.selection.pieces
    raw = examples.raw[its_rows[[2, 7]]]
    wanted = [data.transform.part(image[..., None], crops.box(i, 8, 8)) for i, image in enumerate(raw)]  # fmt: skip
    np.testing.assert_array_equal(data.train.read(np.array([2, 7]), crops).images, wanted)


def test_what_is_scored_stays_whole(pictures):
    options = DataOptions(image_size=12, resize_shorter=14, validation=0.2)
    cropped = dataclasses.replace(options, random_crop=0.2)
    plain, other = (load_dataset("image_folder", data_dir=pictures, options=o) for o in (options, cropped))  # fmt: skip
    for name in ("test", "validation"):
        np.testing.assert_array_equal(getattr(plain, name).images, getattr(other, name).images)


def test_parts_of_a_selection_of_two_pieces():
    """Each image has the part that was drawn for its place in the batch."""
    options = DataOptions(random_crop=0.3, split="test+train[:9]", test_split="train[9:]")
    train = open_dataset("digits", options=options).train
    rows, crops = np.array([367, 2, 360, 5]), drawn([4], 4, 0.3)
    together = train.read(rows, crops).images
    for index in range(4):
        alone = train.read(rows[[index]], crops.at(np.array([index]))).images[0]
        np.testing.assert_array_equal(together[index], alone)


def test_records_of_tfds_are_cropped_too(tmp_path):
    """Seventy records are read in two batches."""
    images = np.random.default_rng(0).integers(0, 256, (70, *prepared.SHAPE)).astype(np.uint8)
    labels = tuple(np.arange(70) % 10)
    prepared.write(
        tmp_path,
        images={**prepared.IMAGES, "train": images},
        labels={**prepared.LABELS, "train": labels},
    )
    options = DataOptions(random_crop=0.3)
    data = open_dataset("mnist", data_dir=tmp_path, options=options)
    rows, crops = np.arange(70)[::-1], drawn([2], 70, 0.3)
    wanted = [data.transform.part(images[row], crops.box(i, *prepared.SHAPE[:2])) for i, row in enumerate(rows)]  # fmt: skip
    np.testing.assert_array_equal(data.train.read(rows, crops).images, wanted)


def test_parts_depend_on_the_order_and_the_batch():
    """The order of each epoch is another one, so that its parts are drawn anew."""
    split = open_dataset("digits", options=DataOptions(random_crop=0.3)).train

    def passed(order, start=0):
        stream = Stream(split, 3)
        images = [batch.images for batch in stream.at(order, start)]
        stream.close()
        return np.concatenate(images)

    order, other = np.arange(9), np.array([0, 1, 2, 3, 4, 5, 6, 8, 7])
    first = passed(order)
    np.testing.assert_array_equal(first, passed(order.astype(np.int32)))
    np.testing.assert_array_equal(first[3:], passed(order, start=1))
    assert np.abs(first - passed(other))[:7].max() > 0.1
    same = np.zeros(9, int)
    parts = passed(same)
    assert len(np.unique(parts.reshape(9, -1), axis=0)) == 9


@pytest.mark.slow
def test_a_streamed_run_that_is_not_finite_names_its_images(tmp_path):
    with pytest.raises(UserError, match=r"were not finite in step 1 .*training images \d+, \d+"):
        train(
            Sequential(Flatten(), Dense(10)), "digits", epochs=1, lr=1e30, optimizer="sgd",
            random_crop=0.5, run_dir=tmp_path / "run", batch_size=4,
        )  # fmt: skip
    assert (tmp_path / "run" / "nonfinite.json").exists()


@pytest.mark.slow
def test_a_resumed_run_sees_the_same_parts(pictures, tmp_path):
    model = Sequential(Flatten(), Dense(2))

    def digest(folder, epochs=3, random_crop=0.2, **more):
        return train(
            model, "image_folder", data_dir=pictures, epochs=epochs, batch_size=4, optimizer="sgd",
            image_size=12, random_crop=random_crop, run_dir=tmp_path / folder, **more,
        ).parameters_sha256  # fmt: skip

    unbroken = digest("unbroken")
    assert digest("broken", epochs=1) != unbroken
    with pytest.raises(UserError, match="random.crop"):
        digest("broken", resume=True, random_crop=0.3)
    assert digest("broken", resume=True) == unbroken
    assert digest("whole", random_crop=None) != unbroken


@pytest.mark.parametrize("share", [0, 1.5, "much", True])
def test_a_share_that_is_none(share):
    with pytest.raises(DataError, match="--random-crop must be above 0 and at most 1, got"):
        DataOptions(random_crop=share).check()


def test_sweeps_refuse_it():
    config = SweepConfig(data=DataOptions(random_crop=0.5))
    with pytest.raises(UserError, match="--random-crop is for a single run"):
        check_plan(config.plan)
