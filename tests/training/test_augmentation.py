"""What augmentation does to pixels and labels, and that nothing of it is left to chance."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.layers import Dense, Flatten, Sequential
from jaxcnn.runs import TrainConfig, UserError
from jaxcnn.runs.config import check_config
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.training import Batch, make_train_step, totals_of
from jaxcnn.training.augment_options import AugmentConfig, check_augmentation
from jaxcnn.training.augmentation import augment, make_augment
from jaxcnn.training.state import init_state, keys_of

COUNT, SIDE = 300, 9
ALL = ("pad-crop", "flip", "cutout", "mixup")
RNG = np.random.default_rng(0)
IMAGES = jnp.asarray(RNG.uniform(0.5, 1, (COUNT, SIDE, SIDE + 2, 3)).astype(np.float32))
TARGETS = jnp.eye(5)[jnp.arange(COUNT) % 5]


def changed(*names, seed=0, **strengths):
    options = AugmentConfig(names, **strengths)
    program = jax.jit(functools.partial(augment, options=options))
    images, targets = program(jax.random.key(seed), IMAGES, TARGETS)
    assert (images.shape, images.dtype) == (IMAGES.shape, IMAGES.dtype)
    assert (targets.shape, targets.dtype) == (TARGETS.shape, TARGETS.dtype)
    return np.asarray(images), np.asarray(targets)


def test_pad_crop_moves_each_image_by_itself_with_black_beside_it():
    images, targets = changed("pad-crop", crop_padding=2)
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)))
    shifts = []
    for image, wide in zip(images, padded, strict=True):
        found = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if np.array_equal(image, wide[y : y + SIDE, x : x + SIDE + 2])
        ]
        assert len(found) == 1
        shifts += found
    assert set(shifts) == {(y, x) for y in range(5) for x in range(5)}
    np.testing.assert_array_equal(targets, TARGETS)


@pytest.mark.slow
def test_flip_turns_half_of_the_images_left_to_right():
    images, targets = changed("flip")
    flipped = [np.array_equal(a, b[:, ::-1]) for a, b in zip(images, IMAGES, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(images, IMAGES, strict=True)]
    assert np.array_equal(np.logical_not(flipped), kept)
    assert 0.4 < np.mean(flipped) < 0.6
    np.testing.assert_array_equal(targets, TARGETS)


@pytest.mark.parametrize("size", [1, 4, 5])
def test_cutout_blackens_a_square_that_may_lie_half_outside(size):
    images, targets = changed("cutout", cutout_size=size)
    black = (images == 0).all(-1)
    np.testing.assert_array_equal(images[~black], np.asarray(IMAGES)[~black])
    heights, widths = black.any(2).sum(1), black.any(1).sum(1)
    np.testing.assert_array_equal(black.sum((1, 2)), heights * widths)
    assert heights.max() == widths.max() == size
    assert heights.min() == widths.min() == (size + 1) // 2
    assert black.any((0, 1)).all()  # each column is covered in some image
    assert black.any((0, 2)).all()  # and each row
    np.testing.assert_array_equal(targets, TARGETS)


@pytest.mark.slow
def test_mixup_mixes_images_and_targets_alike():
    images, targets = changed("mixup", mixup_alpha=1.0)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    share = max(targets.max(1)[targets.max(1) < 1])
    assert 0.5 <= share < 1
    # Each image is one share of itself and one of another, whose class the target names.
    share = share if np.isclose(targets[TARGETS == 1], share).any() else 1 - share
    others = (images - share * np.asarray(IMAGES)) / (1 - share)
    for image, target, mine in zip(
        others[:20], targets[:20], np.asarray(TARGETS)[:20], strict=True
    ):
        nearest = np.abs(np.asarray(IMAGES) - image).max((1, 2, 3)).argmin()
        np.testing.assert_allclose(image, IMAGES[nearest], atol=1e-3)
        np.testing.assert_allclose(target, share * mine + (1 - share) * TARGETS[nearest], atol=1e-5)


@pytest.mark.slow
def test_the_proportion_is_of_the_beta_distribution():
    """Its variance is 1 / (4 (2 α + 1))."""
    options = AugmentConfig(("mixup",), mixup_alpha=0.5)
    pair = jnp.array([0.0, 1.0]).reshape(2, 1, 1, 1)
    keys = jax.random.split(jax.random.key(0), 500)
    mixed, _ = jax.jit(jax.vmap(lambda key: augment(key, pair, jnp.eye(2), options)))(keys)
    assert float(jnp.var(mixed[:, 0])) == pytest.approx(1 / 8, rel=0.1)


@pytest.mark.slow
def test_changes_draw_from_streams_of_their_own():
    alone, after = changed("cutout")[0] == 0, changed("flip", "cutout")[0] == 0
    np.testing.assert_array_equal(alone, after)
    assert not np.array_equal(alone, changed("cutout", seed=1)[0] == 0)


@pytest.mark.slow
def test_a_resumed_run_sees_the_same_images():
    model, optimizer, keys = Sequential(flat=Flatten(), dense=Dense(5)), optax.sgd(0.1), keys_of(0)
    batch = Batch(IMAGES, TARGETS.argmax(-1))
    fresh = init_state(model, optimizer, keys.init, (1, *IMAGES.shape[1:]))
    change = make_augment(AugmentConfig(ALL), 5)
    step = jax.jit(make_train_step(model, optimizer, keys.noise, augment=change))
    states = [fresh]
    for _ in range(3):
        states.append(step(states[-1], batch)[0])
    resumed = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), states[2])
    assert tree_sha256(step(resumed, batch)[0]._asdict()) == tree_sha256(states[3]._asdict())
    other_step = states[2]._replace(step=jnp.int32(7))
    assert tree_sha256(step(other_step, batch)[0].params) != tree_sha256(states[3].params)


def test_without_augmentation_the_step_is_the_plain_one():
    assert make_augment(AugmentConfig(), 5) is None


def test_the_loss_of_mixed_labels():
    logits = jnp.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    targets = jnp.array([[0.7, 0.3, 0.0], [0.0, 0.4, 0.6]])
    totals = totals_of(logits, targets.argmax(-1), targets=targets)
    expected = -(np.asarray(jax.nn.log_softmax(logits)) * np.asarray(targets)).sum()
    np.testing.assert_allclose(totals.loss, expected, rtol=1e-6)
    assert (int(totals.correct), int(totals.examples)) == (1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (AugmentConfig(("flip", "flip")), "--augment names one twice: flip flip"),
        (AugmentConfig((), crop_padding=3), "--crop-padding needs --augment pad-crop"),
        (AugmentConfig(("flip",), cutout_size=3), "--cutout-size needs --augment cutout"),
        (AugmentConfig(("flip",), mixup_alpha=3.0), "--mixup-alpha needs --augment mixup"),
        (AugmentConfig(("mixup",), mixup_alpha=0.0), "--mixup-alpha must be a positive number, got 0.0"),
        (AugmentConfig(("mixup",), mixup_alpha=float("nan")), "--mixup-alpha must be a positive number, got nan"),
        (AugmentConfig(("flip",), crop_area=0.5), "--crop-area needs --augment resized-crop"),
        (AugmentConfig(("flip",), jitter=0.5), "--jitter needs --augment color-jitter"),
        (AugmentConfig(("flip",), rand_magnitude=5.0), "--rand-magnitude needs --augment rand-augment"),
        (AugmentConfig(("resized-crop",), crop_area=0.0), "--crop-area must be above 0 and at most 1, got 0.0"),
        (AugmentConfig(("color-jitter",), jitter=1.5), "--jitter must be above 0 and at most 1, got 1.5"),
        (AugmentConfig(("rand-augment",), rand_magnitude=31.0), "--rand-magnitude must be from 0 to 30, got 31.0"),
        (AugmentConfig(("pad-crop",), crop_padding=0), "--crop-padding must be at least 1, got 0"),
        (AugmentConfig(("cutout",), cutout_size=-1), "--cutout-size must be at least 1, got -1"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        check_config(TrainConfig(augmentation=options))


def test_strengths_suit_the_images():
    check_augmentation(AugmentConfig(ALL), (28, 28, 1))
    with pytest.raises(
        UserError, match="--cutout-size must be from 1 to 8 for images of this size, got 9"
    ):
        check_augmentation(AugmentConfig(("cutout",), cutout_size=9), (8, 10, 1))
    with pytest.raises(
        UserError, match="--crop-padding must be from 1 to 7 for images of this size, got 8"
    ):
        check_augmentation(AugmentConfig(("pad-crop",), crop_padding=8), (8, 10, 1))


@pytest.mark.slow
def test_cutmix_gives_each_label_its_share_of_the_pixels():
    images = jnp.broadcast_to(jnp.eye(4)[:, None, None], (4, 6, 5, 4))  # the channel is the class
    options = AugmentConfig(("cutmix",))
    shares = []
    for seed in range(4):
        mixed, targets = augment(jax.random.key(seed), images, jnp.eye(4), options)
        np.testing.assert_allclose(mixed.mean((1, 2)), targets, atol=1e-6)
        shares.append(float(targets.max(1).min()))
    assert len(set(shares)) > 1
    assert min(shares) < 1


def test_smoothed_labels():
    change = make_augment(AugmentConfig(label_smoothing=0.1), 4)
    images = jnp.ones((1, 2, 2, 1))
    same, targets = change(jax.random.key(0), images, jnp.array([2]))
    np.testing.assert_array_equal(same, images)
    np.testing.assert_allclose(targets, [[0.025, 0.025, 0.925, 0.025]], rtol=1e-6)
    with pytest.raises(
        UserError, match=r"^--label-smoothing must be at least 0 and below 1, got 1$"
    ):
        check_augmentation(AugmentConfig(label_smoothing=1))


@pytest.mark.slow
def test_resized_crop_shows_a_part_as_large_as_the_whole():
    """Of an image whose pixels are their places, the crop's corners say which part it is."""
    places = jnp.stack(jnp.meshgrid(jnp.arange(40.0), jnp.arange(30.0), indexing="ij"), -1)
    images = jnp.broadcast_to(places, (200, 40, 30, 2))
    options = AugmentConfig(("resized-crop",), crop_area=0.25)
    crops, _ = augment(jax.random.key(0), images, jnp.eye(200), options)
    inner = np.asarray(crops)[:, 5:-5, 5:-5]  # at the edges, pixels outside are not there to mix
    step = np.diff(inner, axis=1)[..., 0].mean((1, 2)), np.diff(inner, axis=2)[..., 1].mean((1, 2))
    area, ratio = step[0] * step[1], step[1] * 30 / (step[0] * 40)
    assert 0.24 < area.min() < 0.35
    assert 0.8 < area.max() < 1.01
    # A part that is nearly all of the image cannot be far from its shape.
    small = area < 0.5
    assert 0.74 < ratio[small].min() < 0.85
    assert 1.2 < ratio[small].max() < 1.35
    assert inner.min() >= 0
    assert inner[..., 0].max() <= 39
    assert len(np.unique(inner[:, 0, 0].round(3), axis=0)) == 200


@pytest.mark.slow
def test_erasing_puts_noise_into_half_of_the_images():
    images, targets = jnp.full((400, 20, 16, 3), 2.0), jnp.eye(400)
    changed, same = augment(jax.random.key(0), images, targets, AugmentConfig(("erasing",)))
    erased = np.asarray(changed != 2).all(-1)
    np.testing.assert_array_equal(same, targets)
    assert 0.4 < erased.any((1, 2)).mean() < 0.6
    heights, widths = erased.any(2).sum(1), erased.any(1).sum(1)
    np.testing.assert_array_equal(erased.sum((1, 2)), heights * widths)  # rectangles
    shares = (erased.mean((1, 2)))[erased.any((1, 2))]
    assert 0.0 < shares.min() < 0.06
    assert 0.25 < shares.max() < 0.4
    noise = np.asarray(changed)[erased]
    assert (noise >= 0).all()
    assert (noise < 1).all()
    assert 0.45 < noise.mean() < 0.55


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.slow
def test_color_jitter_changes_each_image_by_itself(channels):
    images = jnp.asarray(RNG.uniform(0.2, 0.8, (50, 6, 5, channels)).astype(np.float32))
    options = AugmentConfig(("color-jitter",), jitter=0.3)
    changed = np.asarray(augment(jax.random.key(0), images, jnp.eye(50), options)[0])
    assert (changed >= 0).all()
    assert (changed <= 1).all()
    brighter = changed.mean((1, 2, 3)) / np.asarray(images).mean((1, 2, 3))
    assert 0.65 < brighter.min() < 0.85
    assert 1.1 < brighter.max() < 1.35
    assert len(np.unique(brighter.round(5))) == 50


@pytest.mark.slow
def test_rand_augment_of_magnitude_zero_changes_nothing():
    options = AugmentConfig(("rand-augment",), rand_magnitude=0.0)
    changed, _ = augment(jax.random.key(0), IMAGES, TARGETS, options)
    np.testing.assert_allclose(changed, IMAGES, atol=1e-5)


@pytest.mark.slow
def test_rand_augment_draws_every_change():
    """Each is recognized by what it does to a picture of one kind."""
    change = jax.jit(lambda key, x: augment(key, x, jnp.eye(x.shape[0]), AugmentConfig(("rand-augment",), rand_magnitude=15.0))[0])  # fmt: skip
    white = np.asarray(change(jax.random.key(1), jnp.ones((300, 15, 15, 3))))
    moved = (white == 0).any((1, 2, 3))
    assert 0.3 < moved.mean() < 0.8  # by five of fourteen changes, or turned black by solarizing
    grey = np.asarray(change(jax.random.key(1), jnp.full((300, 15, 15, 3), 0.4)))[:, 7, 7, 0]
    brighter = np.isclose(grey, 0.4 * 1.45, atol=1e-4)
    darker = np.isclose(grey, 0.4 * 0.55, atol=1e-4)
    assert 0.03 < brighter.mean() < 0.2
    assert 0.03 < darker.mean() < 0.2
    posterized = np.isclose(grey, round(0.4 * 63) / 63, atol=1e-6) & ~np.isclose(
        grey, 0.4, atol=1e-6
    )
    assert 0.05 < posterized.mean() < 0.3
    bright = np.asarray(change(jax.random.key(1), jnp.full((300, 15, 15, 3), 0.7)))[:, 7, 7, 0]
    assert 0.05 < np.isclose(bright, 0.3, atol=1e-4).mean() < 0.3  # solarized
    red = jnp.broadcast_to(jnp.array([0.8, 0.4, 0.4]), (300, 15, 15, 3))
    spread = np.ptp(np.asarray(change(jax.random.key(1), red))[:, 7, 7], axis=-1)
    assert np.isclose(spread, 0.8 * 0.5 * 1.45, atol=1e-3).any()  # more saturated
    rows = jnp.where(jnp.arange(32) < 16, 0.3, jnp.where(jnp.arange(32) < 20, 0.4, 0.5))
    tones = jnp.broadcast_to(rows[:, None, None], (300, 32, 32, 3))
    dark, edge, middle, bright = np.asarray(change(jax.random.key(1), tones))[:, [2, 15, 17, 28], 16, 0].T  # fmt: skip
    stretched = np.isclose(dark, 0) & np.isclose(middle, 0.5) & np.isclose(bright, 1)
    assert 0.02 < stretched.mean() < 0.3
    evened = np.isclose(dark, 0) & np.isclose(middle, 1) & np.isclose(bright, 1)
    assert 0.02 < evened.mean() < 0.3
    smooth = 0.3 + 0.3 / 13
    for factor in (0.55, 1.45):
        sharpened = np.isclose(dark, 0.3) & np.isclose(edge, smooth - factor * 0.3 / 13, atol=1e-4)
        assert 0.01 < sharpened.mean() < 0.2
