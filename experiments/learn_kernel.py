"""Learns the edge detection kernel from an image and its edges.

Shows: ten steps of gradient descent (learning rate 0.03, squared error summed over the pixels)
find the kernel [1, −1] from nothing but the input and the output.

Command: python experiments/learn_kernel.py

Result: the loss falls from 15.0 to 0.0061, the kernel ends at [0.9835, −0.9908] (float32, CPU).

Source: *Dive into Deep Learning* (2023), section 7.2.4, whose PyTorch kernel ends at
[1.0010, −0.9739].
"""

import jax
import jax.numpy as jnp
import optax

import jaxcnn as jc
from jaxcnn.cli import demonstration

SEED, STEPS, LEARNING_RATE = 1, 10, 0.03


def example() -> tuple[jax.Array, jax.Array]:
    """An image (1, 6, 8, 1) and its vertical edges (1, 6, 7, 1)."""
    image = jnp.ones((6, 8)).at[:, 2:6].set(0)
    edges = jc.corr2d(image, jnp.array([[1.0, -1.0]]))
    return image[None, :, :, None], edges[None, :, :, None]


def squared_error(kernel: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """The squared error of ``conv2d(x, kernel)``, summed over the pixels."""
    return jnp.square(jc.conv2d(x, kernel) - y).sum()


def learn() -> tuple[jax.Array, list[float]]:
    """The kernel after `STEPS` steps from a seeded start, and the loss before each step."""
    x, y = example()
    kernel = jax.nn.initializers.glorot_uniform()(jax.random.key(SEED), (1, 2, 1, 1))
    optimizer = optax.sgd(LEARNING_RATE)
    loss_and_gradient = jax.jit(jax.value_and_grad(squared_error))
    opt_state, losses = optimizer.init(kernel), []
    for _ in range(STEPS):
        loss, gradient = loss_and_gradient(kernel, x, y)
        updates, opt_state = optimizer.update(gradient, opt_state)
        kernel = optax.apply_updates(kernel, updates)
        losses.append(float(loss))
    return kernel, losses


def main() -> None:
    """Print the loss at every step and the kernel in the end."""
    kernel, losses = learn()
    for step, loss in enumerate(losses, start=1):
        print(f"step {step:2}  loss {loss:.4f}")
    print("kernel:", ", ".join(f"{weight:.4f}" for weight in kernel.ravel()))


if __name__ == "__main__":
    demonstration(main, __doc__)
