"""`--resize-shorter`: training and predictions see the middles of undistorted images."""

import re

import numpy as np
import pytest

from jaxcnn.cli import main
from jaxcnn.data import DataError, DataOptions, load_dataset, read_input
from jaxcnn.runs import RunFolder, load_trained
from jaxcnn.runs.model import maker_in
from tests.data.folders import of_several_sizes


@pytest.fixture
def pictures(tmp_path):
    return of_several_sizes(tmp_path / "pictures", 3)


def test_a_folder_of_pictures_and_a_picture_alone_are_read_alike(pictures):
    options = DataOptions(image_size=12, resize_shorter=14)
    data = load_dataset("image_folder", data_dir=pictures, options=options)
    paths = sorted(pictures.glob("test/*/*.png"))
    read = np.stack([read_input(path, (12, 12, 3), shorter=14) for path in paths])
    np.testing.assert_array_equal(np.sort(read, axis=None), np.sort(data.test.images, axis=None))
    plain = DataOptions(image_size=12)
    distorted = load_dataset("image_folder", data_dir=pictures, options=plain)
    assert np.abs(distorted.test.images - data.test.images).max() > 0.1


@pytest.mark.slow
def test_predictions_read_images_as_the_run_did(pictures, tmp_path, capsys):
    words = ["--image-size", "12", "--resize-shorter", "14", "--epochs", "1"]
    where = ["--dataset", "image_folder", "--data-dir", str(pictures), "--run-dir"]
    net = tmp_path / "nets.py"
    net.write_text(
        "from jaxcnn.layers import *\ndef net(n): return Sequential(Flatten(), Dense(n))\n"
    )
    model = ["--model", f"{net}:net"]
    main(["train", *where, f"{tmp_path}/run", *words, *model])
    (path,) = pictures.glob("test/cats/*.png")
    main(["predict", f"{tmp_path}/run", str(path), "--json", *model])
    trained = load_trained(RunFolder(tmp_path / "run"), maker=maker_in(f"{net}:net"))
    assert trained.facts.transform.shorter == 14
    image = read_input(path, (12, 12, 3), shorter=14)
    likeliest = trained.probabilities(image[None]).max()
    told = re.search(r'"probability": (\S+)', capsys.readouterr().out)[1]
    assert float(told) == pytest.approx(float(likeliest), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DataOptions(resize_shorter=20), "--resize-shorter needs --image-size, the part that is cut out"),
        (DataOptions(image_size=32, resize_shorter=20), r"--resize-shorter must be from --image-size \(32\) to 4096, got 20"),
        (DataOptions(image_size=32, resize_shorter=5000), r"--resize-shorter must be from --image-size \(32\) to 4096, got 5000"),
        (DataOptions(image_size=32, resize_shorter=40.0), r"--resize-shorter must be from --image-size \(32\) to 4096, got 40.0"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        load_dataset("digits", options=options)
