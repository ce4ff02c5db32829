"""Whether an epoch is told to be no better than chance: when it is, and only then."""

import numpy as np
import pytest

from jaxcnn.training.plateau import plateau


@pytest.mark.parametrize(
    ("accuracy", "counts", "told"),
    [
        (0.1, [100] * 10, True),
        (0.1284, [100] * 10, True),  # 0.1 + 3 * sqrt(0.1 * 0.9 / 1000) is 0.12846
        (0.1285, [100] * 10, False),
        (0.0, [100] * 10, True),
        (0.9, [900, 100], True),  # all of the larger class
        (0.95, [900, 100], False),
        (1.0, [50], False),  # one class: nothing to learn
        (1.0, [99, 1], False),
        (0.5, [1, 1], False),  # too few to tell
        (0.0, [], False),
    ],
)
def test_no_better_than_the_largest_class(accuracy, counts, told):
    assert (plateau(accuracy, counts) is not None) == told


def test_guesses_are_seldom_taken_for_learning():
    """3 standard errors: about one of 700 epochs of pure guesses is above."""
    rng, counts = np.random.default_rng(0), [144] * 10
    guesses = rng.binomial(sum(counts), 0.1, 2000) / sum(counts)
    assert sum(plateau(float(guess), counts) is None for guess in guesses) <= 10


def test_the_sentence_says_what_may_help():
    sentence = plateau(0.1043, [144] * 10)
    assert sentence.startswith("the train accuracy of 0.1043 is no better than naming the largest")
    assert "\n" not in sentence
    for word in ("--lr", "--optimizer", "epochs", "0.1000"):
        assert word in sentence
