"""Trains LeNet on the handwritten digits that scikit-learn includes; no download.

Shows: the book's LeNet (sigmoid, average pooling) learns 1,438 scikit-learn digits, resized to
28×28, and is scored on the 359 held-out ones. Plain SGD stays on the sigmoids' plateau with so
few images, so the optimizer is Adam.

Command: python experiments/lenet_digits.py --seeds 5

Result (jax 0.12.0.1, 2 cores of an AMD EPYC, which other work shared; native convolutions):

    | seed | test accuracy | test loss | images/s | seconds |
    |---|---|---|---|---|
    | 0 | 0.9777 | 0.0661 | 19,139 | 5 |
    | 1 | 0.9777 | 0.0585 | 19,052 | 4 |
    | 2 | 0.9777 | 0.0567 | 18,494 | 4 |
    | 3 | 0.9749 | 0.0621 | 20,266 | 5 |
    | 4 | 0.9889 | 0.0473 | 21,419 | 7 |
    | mean ± std | 0.9794 ± 0.0054 | 0.0581 ± 0.0070 | 19,674 ± 1,168 | 5 ± 1 |
"""

from jaxcnn.cli import experiment
from jaxcnn.runs import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="digits", epochs=30, batch_size=64, optimizer="adam", lr=3e-3
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
