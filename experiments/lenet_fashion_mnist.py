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
    | 0 | 0.8985 | 0.2839 | 7,109 | 98 |
    | 1 | 0.8936 | 0.2957 | 6,476 | 104 |
    | 2 | 0.8947 | 0.2968 | 6,493 | 102 |
    | 3 | 0.8948 | 0.2908 | 6,324 | 106 |
    | 4 | 0.8944 | 0.2917 | 6,190 | 107 |
    | mean ± std | 0.8952 ± 0.0019 | 0.2918 ± 0.0051 | 6,518 ± 352 | 103 ± 4 |

The book's PyTorch LeNet ends at a test accuracy of 0.779 (one run; section 7.6).
"""

from jaxcnn.cli import experiment
from jaxcnn.training import TrainConfig

CONFIG = TrainConfig(
    model="lenet", dataset="fashion_mnist", epochs=10, batch_size=256, optimizer="sgd", lr=0.9
)

if __name__ == "__main__":
    experiment(CONFIG, __doc__)
