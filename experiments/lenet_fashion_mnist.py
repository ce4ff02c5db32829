r"""Trains LeNet on Fashion-MNIST as *Dive into Deep Learning* does, or a modern LeNet.

Shows: sigmoid, average pooling, plain SGD with learning rate 0.9, batches of 256, 10 epochs,
Glorot-uniform start; 60,000 training images, accuracy on all 10,000 test images.

Commands, with the folder of the four IDX files (or a TFDS folder) as DIR:
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5 \
        --model lenet_modern --optimizer adam --lr 0.002 --schedule cosine

Result: of the first command, on the CPU (jax 0.12.0.1, 2 cores of an AVX-512 EPYC, which other
work shared for most seeds, so that the speeds differ; native convolutions):

    | seed | test accuracy | test loss | images/s | seconds |
    |---|---|---|---|---|
    | 0 | 0.8200 | 0.4925 | 4,127 | 333 |
    | 1 | 0.7880 | 0.5529 | 26,240 | 36 |
    | 2 | 0.8135 | 0.4962 | 25,653 | 69 |
    | 3 | 0.7938 | 0.5348 | 5,302 | 298 |
    | 4 | 0.8136 | 0.5003 | 47,492 | 37 |
    | mean ± std | 0.8058 ± 0.0140 | 0.5153 ± 0.0269 | 21,763 ± 17,883 | 155 ± 148 |

of the second, the modern form (the machine to itself):

    | seed | test accuracy | test loss | images/s | seconds |
    |---|---|---|---|---|
    | 0 | 0.8942 | 0.2972 | 46,011 | 17 |
    | 1 | 0.8955 | 0.2970 | 46,051 | 16 |
    | 2 | 0.8963 | 0.2882 | 46,498 | 15 |
    | 3 | 0.8956 | 0.2922 | 45,715 | 15 |
    | 4 | 0.8936 | 0.2924 | 45,133 | 30 |
    | mean ± std | 0.8950 ± 0.0011 | 0.2934 ± 0.0038 | 45,882 ± 503 | 19 ± 6 |

The book's PyTorch LeNet ends at a test accuracy of 0.779 (one run; section 7.6).
"""

from jaxcnn.cli import experiment
from jaxcnn.runs import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="fashion_mnist", epochs=10, batch_size=256, optimizer="sgd", lr=0.9
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
