r"""LeNet on Fashion-MNIST, as *Dive into Deep Learning* trains it, and in its modern form.

Shows: sigmoid, average pooling, plain SGD with learning rate 0.9, batches of 256, 10 epochs,
Glorot-uniform start; 60,000 training images, accuracy on all 10,000 test images.

Commands, with the folder of the four IDX files (or a TFDS folder) as DIR:
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5
    python experiments/lenet_fashion_mnist.py --data-dir DIR --seeds 5 \
        --model lenet_modern --optimizer adam --lr 0.002 --schedule cosine

Result: of the first command, on the CPU (jax 0.10.2, 2 cores of an AVX-512 Xeon, which other
work shared, so that the speeds differ; native convolutions):

    | seed | test accuracy | test loss | images/s | seconds |
    |---|---|---|---|---|
    | 0 | 0.8227 | 0.4949 | 8,354 | 105 |
    | 1 | 0.7890 | 0.5508 | 15,543 | 45 |
    | 2 | 0.7858 | 0.5289 | 21,704 | 36 |
    | 3 | 0.7902 | 0.5383 | 9,352 | 74 |
    | 4 | 0.8096 | 0.5088 | 10,634 | 69 |
    | mean ± std | 0.7995 ± 0.0160 | 0.5243 ± 0.0225 | 13,118 ± 5,537 | 66 ± 27 |

of the second, the modern form:

    | seed | test accuracy | test loss | images/s | seconds |
    |---|---|---|---|---|
    | 0 | 0.8964 | 0.2854 | 6,220 | 115 |
    | 1 | 0.8925 | 0.2954 | 6,067 | 108 |
    | 2 | 0.8931 | 0.2982 | 4,614 | 131 |
    | 3 | 0.8944 | 0.2905 | 4,922 | 133 |
    | 4 | 0.8940 | 0.2905 | 5,306 | 122 |
    | mean ± std | 0.8941 ± 0.0015 | 0.2920 ± 0.0050 | 5,426 ± 702 | 122 ± 11 |

The book's PyTorch LeNet ends at a test accuracy of 0.779 (one run; section 7.6).
"""

from jaxcnn.cli import experiment
from jaxcnn.training import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="fashion_mnist", epochs=10, batch_size=256, optimizer="sgd", lr=0.9
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
