"""LeNet on the digits that come with jaxcnn: real images, no network needed.

Shows: the notes' LeNet (sigmoid, average pooling) learns 1,438 scikit-learn digits, resized to
28×28, and is scored on the 359 held-out ones. Plain SGD stays on the sigmoids' plateau with so
few images, so the optimizer is Adam.

Command: python experiments/lenet_digits.py --seeds 5

Result: RESULT
"""

from jaxcnn.cli import experiment
from jaxcnn.training import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="digits", epochs=30, batch_size=64, optimizer="adam", lr=3e-3
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
