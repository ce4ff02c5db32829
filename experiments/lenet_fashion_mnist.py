"""LeNet on Fashion-MNIST, as *Dive into Deep Learning* trains it, and in its modern form.

Shows: sigmoid, average pooling, plain SGD with learning rate 0.9, batches of 256, 10 epochs,
Glorot-uniform start; 60,000 training images, accuracy on all 10,000 test images.

Commands, with the folder of the four IDX files (or a TFDS folder) as DIR:
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5 \
        --model lenet_modern --optimizer adam --lr 0.002 --schedule cosine

Result: RESULT

The book's PyTorch LeNet ends at a test accuracy of 0.779 (one run; section 7.6).
"""

from jaxcnn.cli import experiment
from jaxcnn.training import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="fashion_mnist", epochs=10, batch_size=256, optimizer="sgd", lr=0.9
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
