"""Tells whether an epoch has taught a model anything: whether it does better than chance."""

import math
from collections.abc import Sequence

ERRORS = 3.0
"""How many standard errors above the largest class's share still count as chance."""


def plateau(accuracy: float, class_counts: Sequence[int]) -> str | None:
    r"""The sentence for an epoch whose training accuracy is not better than chance.

    A model that has learned nothing from the images does best when it names the largest class for
    all of them. On :math:`n` images, a share :math:`p` of them in the largest class, it is right
    for :math:`p` of them, give or take :math:`\sqrt{p (1 - p) / n}`. An accuracy of at most
    three such standard errors above :math:`p` counts as chance.

    Args:
        accuracy: the share of the training images that the model got right in the epoch.
        class_counts: how many training images each class has.

    Returns:
        One sentence with what may help; ``None`` where the model is better than chance, or where
        the images are too few, or of too few classes, to tell.

    >>> plateau(0.97, [100, 100]) is None
    True
    >>> plateau(0.51, [100, 100])[:45]
    'the train accuracy of 0.5100 is no better tha'
    """
    images = sum(class_counts)
    if images == 0:
        return None
    share = max(class_counts) / images
    bound = share + ERRORS * math.sqrt(share * (1 - share) / images)
    if bound >= 1 or accuracy > bound:
        return None
    return _sentence(accuracy, share)


def _sentence(accuracy: float, share: float) -> str:
    return (
        f"the train accuracy of {accuracy:.4f} is no better than naming the largest class for "
        f"every image ({share:.4f}): the model has learned nothing so far; it may need more "
        f"epochs, or another --lr or --optimizer (networks of sigmoids stay like this for "
        f"hundreds of steps: --optimizer adam, smaller batches or --model lenet_modern leave it "
        f"sooner)"
    )
