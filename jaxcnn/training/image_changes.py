"""Changes of training images: crops, reflections, covered parts, and images mixed in pairs.

Each is a function ``(key, images, targets, options) -> (images, targets)``; ``images`` are
``(n, h, w, c)`` in [0, 1], ``targets`` distributions over the classes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcnn.training.augment_options import AugmentConfig

Images = Float[Array, "n h w c"]
Targets = Float[Array, "n classes"]


def pad_crop(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A crop of the first size out of the padded image, as ResNet learned CIFAR-10.

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, 2016.
    """
    import dm_pix as pix

    count, height, width, channels = images.shape
    twice = 2 * int(options.strength("crop_padding"))
    padded = pix.pad_to_size(images, height + twice, width + twice)
    keys = jax.random.split(key, count)
    crop = (height, width, channels)
    return jax.vmap(lambda key, image: pix.random_crop(key, image, crop))(keys, padded), targets


def flip(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Left to right, with probability one half."""
    import dm_pix as pix

    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(pix.random_flip_left_right)(keys, images), targets


def cutout(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A black square around a random pixel; a part of it may lie outside the image.

    Reference: T. DeVries, G. W. Taylor, Improved Regularization of Convolutional Neural Networks
    with Cutout, 2017.
    """
    count, height, width, _ = images.shape
    size = int(options.strength("cutout_size"))
    rows = _covered(jax.random.fold_in(key, 0), count, height, size)
    columns = _covered(jax.random.fold_in(key, 1), count, width, size)
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    return jnp.where(inside, jnp.zeros((), images.dtype), images), targets


def _covered(key: jax.Array, count: int, length: int, square: int | jax.Array) -> jax.Array:
    """Which positions of an axis a square covers, for each image: ``(count, length)``."""
    centres = jax.random.randint(key, (count, 1), 0, length)
    offsets = jnp.arange(length)[None] - (centres - square // 2)
    return (offsets >= 0) & (offsets < square)


def mixup(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Each image mixed with another of the batch, in one proportion for the batch, as its target.

    Reference: H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, mixup: Beyond Empirical Risk
    Minimization, 2018.
    """
    proportion_key, order_key = jax.random.split(key)
    alpha = options.strength("mixup_alpha")
    share = jax.random.beta(proportion_key, alpha, alpha, dtype=images.dtype)
    others = jax.random.permutation(order_key, images.shape[0])
    images, targets = (share * each + (1 - share) * each[others] for each in (images, targets))
    return images, targets


def cutmix(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A rectangle of another image of the batch, at one place for the batch.

    Its share of the pixels is drawn evenly from 0 to 1, less what lies outside the image, and is
    the other label's share of the target.

    Reference: S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, CutMix: Regularization Strategy
    to Train Strong Classifiers with Localizable Features, 2019.
    """
    share_key, order_key, row_key, column_key = jax.random.split(key, 4)
    count, height, width, _ = images.shape
    side = jnp.sqrt(jax.random.uniform(share_key, dtype=images.dtype))
    rows = _covered(row_key, 1, height, (side * height).astype(jnp.int32))
    columns = _covered(column_key, 1, width, (side * width).astype(jnp.int32))
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    share = inside.mean(dtype=images.dtype)
    others = jax.random.permutation(order_key, count)
    mixed = jnp.where(inside, images[others], images)
    return mixed, (1 - share) * targets + share * targets[others]


def resized_crop(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A part of each image, of a random size and shape, enlarged to the image's size.

    Its share of the image is drawn evenly from ``options.crop_area`` to 1, its width over its
    height from 3/4 to 4/3, evenly on a logarithmic scale.

    Reference: C. Szegedy et al., Going Deeper with Convolutions, 2014.
    """
    count, height, width, _ = images.shape
    area_key, shape_key, row_key, column_key = jax.random.split(key, 4)
    least = options.strength("crop_area")
    areas = jax.random.uniform(area_key, (count,), minval=least) * (height * width)
    ratios = _log_uniform(shape_key, count, 3 / 4)
    crops = [
        _placed(row_key, jnp.sqrt(areas / ratios), height),
        _placed(column_key, jnp.sqrt(areas * ratios), width),
    ]
    starts, sizes = (jnp.stack(each, 1) for each in zip(*crops, strict=True))
    scales = jnp.array([[height, width]], jnp.float32) / sizes

    def enlarged(image: jax.Array, scale: jax.Array, start: jax.Array) -> jax.Array:
        return jax.image.scale_and_translate(
            image, image.shape, (0, 1), scale, -start * scale, "linear", antialias=False
        )

    return jax.vmap(enlarged)(images, scales, starts), targets


def erasing(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """In half of the images, a rectangle of random pixels.

    It covers 2 to 33 % of the image; its width over its height is from 0.3 to 1/0.3.

    Reference: Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, Random Erasing Data Augmentation, 2020.
    """
    count, height, width, _ = images.shape
    keys = jax.random.split(key, 6)
    areas = jax.random.uniform(keys[0], (count,), minval=0.02, maxval=0.33) * (height * width)
    ratios = _log_uniform(keys[1], count, 0.3)
    rows = _within(*_placed(keys[2], jnp.sqrt(areas / ratios), height), height)
    columns = _within(*_placed(keys[3], jnp.sqrt(areas * ratios), width), width)
    chosen = jax.random.bernoulli(keys[4], 0.5, (count,))
    inside = (rows[:, :, None] & columns[:, None, :] & chosen[:, None, None])[..., None]
    noise = jax.random.uniform(keys[5], images.shape, images.dtype)
    return jnp.where(inside, noise, images), targets


def _log_uniform(key: jax.Array, count: int, least: float) -> jax.Array:
    """Numbers from ``least`` to its reciprocal, even on a logarithmic scale."""
    bound = -jnp.log(least)
    return jnp.exp(jax.random.uniform(key, (count,), minval=-bound, maxval=bound))


def _placed(key: jax.Array, sizes: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """Where intervals begin that lie anywhere in an axis, and their sizes, none too long."""
    sizes = jnp.clip(sizes, 1, length)
    return jax.random.uniform(key, sizes.shape) * (length - sizes), sizes


def _within(starts: jax.Array, sizes: jax.Array, length: int) -> jax.Array:
    """Which positions of an axis lie in an interval, for each image: ``(count, length)``."""
    centres = jnp.arange(length, dtype=jnp.float32)[None] + 0.5
    return (centres >= starts[:, None]) & (centres < (starts + sizes)[:, None])
