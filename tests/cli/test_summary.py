import pytest

from jaxcnn.cli.summary import SummaryConfig, summary_command
from jaxcnn.runs import UserError
from tests.test_cli import jaxcnn, refused


def test_the_table_of_lenet():
    lines = summary_command(SummaryConfig("lenet", (28,), channels=1, batch_size=2)).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "FLOPs", "field", "stride"]
    assert lines[1].split() == ["conv1", "Conv2d", "2×28×28×6", "156", "470,400", *"5×5 1×1".replace("×", " × ").split()]  # fmt: skip
    assert lines[-1].split() == ["total", "61,706", "1,666,080"]
    oblong = summary_command(SummaryConfig("lenet", (28, 32), channels=1))
    assert "1×28×32×6" in oblong


@pytest.mark.slow
def test_from_the_command_line():
    done = jaxcnn("summary", "lenet", "--image-size", 28, "--channels", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("layer ")
    assert "total" in done.stdout
    assert refused("summary", "lenett") == (
        "jaxcnn: unknown model 'lenett', did you mean 'lenet'? "
        "(jaxcnn models lists them; one of your own is FILE.py:function)\n"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"image_size": (8, 8, 8)}, "--image-size must be 1 or 2 numbers, got 3"),
        ({"image_size": (0,)}, "--image-size must be from 1 to 32767, got 0"),
        ({"classes": 0}, "--classes must be from 1 to 32767, got 0"),
        ({"image_size": (8,), "channels": 1}, "lenet cannot take images of 8×8×1: in layer conv2: conv2d: the window spans "),
    ],
)  # fmt: skip
def test_mistakes(given, sentence):
    with pytest.raises(UserError, match=f"^{sentence}"):
        summary_command(SummaryConfig("lenet", **given))


@pytest.mark.slow
def test_one_pixel_is_left_for_batch_norm():
    """A table for one image, of a model that can be trained on two."""
    lines = summary_command(SummaryConfig("resnet18", (32,), classes=1000)).splitlines()
    assert lines[-1].split()[:2] == ["total", "11,689,512"]
