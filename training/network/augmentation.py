"""Augmentation of instances, a whole batch at a time, inside the training graph.

Affine and elastic displacements (Simard, Steinkraus and Platt, 2003) are added up and the picture
is interpolated once, so that it is blurred once. The randomness is stateless: the same seed gives
the same batch, also after a training was resumed.
"""

import tensorflow as tf

from training.configuration import Augmentation

SIDE = 28
GRID = 5  # control points of the elastic displacement each way


def augment(
    images: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor, settings: Augmentation
) -> tf.Tensor:
    """Return randomly changed copies.

    Args:
        images: float32 (n, 28, 28), 0..1.
        strength: float32 (n,), 0..1 for each picture.
        seed: int32 (2,).
        settings: the changes at strength 1.

    Returns:
        float32 (n, 28, 28), 0..1.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    augmented = _sample(images, _displacement(strength, seeds[0], settings))
    if settings.thickness > 0:
        augmented = _thickness(augmented, strength, seeds[1], settings)
    if settings.contrast > 0:
        augmented = _contrast(augmented, strength, seeds[2], settings)
    return augmented


def _displacement(strength: tf.Tensor, seed: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Return the offset of the place that each pixel is read from: (n, 28, 28, 2) as y, x."""
    n = tf.shape(strength)[0]
    affine_seed, elastic_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    spread = tf.constant(
        [settings.rotation, settings.shear, *[settings.scale] * 2, *[settings.shift] * 2]
    )
    draw = tf.random.stateless_uniform((n, 6), affine_seed, -1.0, 1.0) * spread
    angle, shear, log_x, log_y, dx, dy = tf.unstack(draw * strength[:, None], axis=1)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    wide, high = tf.exp(log_x), tf.exp(log_y)
    # source = M @ target; rotation after shear after scale.
    matrix = tf.stack(
        [
            high * cosine,
            -high * sine,
            wide * (sine + shear * cosine),
            wide * (cosine - shear * sine),
        ],
        axis=1,
    )  # rows y, x against columns y, x, in the order yy, yx, xy, xx
    line = tf.range(SIDE, dtype=tf.float32) - (SIDE - 1) / 2
    y, x = tf.meshgrid(line, line, indexing="ij")
    m = matrix[:, :, None, None]
    moved_y = (m[:, 0] - 1) * y + m[:, 1] * x + dy[:, None, None]
    moved_x = m[:, 2] * y + (m[:, 3] - 1) * x + dx[:, None, None]
    affine = tf.stack([moved_y, moved_x], axis=3)
    if settings.elastic <= 0:
        return affine
    coarse = tf.random.stateless_normal((n, GRID, GRID, 2), elastic_seed)
    coarse *= settings.elastic * strength[:, None, None, None]
    return affine + _upsample(coarse)


def _upsample(coarse: tf.Tensor) -> tf.Tensor:
    """Resize (n, 5, 5, 2) to (n, 28, 28, 2) with bicubic weights, as two matrix products."""
    identity = tf.eye(GRID)[None, :, :, None]  # (1, 5, 5, 1): resized, it is the weights
    weights = tf.image.resize(identity, (SIDE, GRID), method="bicubic")[0, :, :, 0]  # (28, 5)
    return tf.einsum("yi,xj,nijc->nyxc", weights, weights, coarse)


def _sample(images: tf.Tensor, displacement: tf.Tensor) -> tf.Tensor:
    """Interpolate (n, 28, 28) bilinearly at the displaced places; outside is paper."""
    n = tf.shape(images)[0]
    padded = tf.pad(images, [[0, 0], [1, 2], [1, 2]])  # paper around the edge
    side = SIDE + 3
    line = tf.range(SIDE, dtype=tf.float32) + 1.0
    y = tf.clip_by_value(displacement[..., 0] + line[:, None], 0.0, SIDE + 1.0)
    x = tf.clip_by_value(displacement[..., 1] + line[None, :], 0.0, SIDE + 1.0)
    y0, x0 = tf.floor(y), tf.floor(x)
    wy, wx = y - y0, x - x0
    corner = tf.cast(y0, tf.int32) * side + tf.cast(x0, tf.int32)
    corner += (tf.range(n) * side * side)[:, None, None]
    flat = tf.reshape(padded, [-1])
    upper = tf.gather(flat, corner) * (1 - wx) + tf.gather(flat, corner + 1) * wx
    lower = tf.gather(flat, corner + side) * (1 - wx) + tf.gather(flat, corner + side + 1) * wx
    return upper * (1 - wy) + lower * wy


def _thickness(
    images: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor, settings: Augmentation
) -> tf.Tensor:
    """Move half of the pictures part of the way to their 3x3 maximum or minimum."""
    n = tf.shape(images)[0]
    first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    amount = tf.random.stateless_uniform((n,), first, -0.7, 1.0) * settings.thickness * strength
    chosen = tf.random.stateless_uniform((n,), second) < 0.5
    amount = tf.where(chosen, amount, 0.0)[:, None, None]
    channel = images[..., None]
    thick = tf.nn.max_pool2d(channel, 3, 1, "SAME")[..., 0]
    thin = -tf.nn.max_pool2d(-channel, 3, 1, "SAME")[..., 0]
    return images + tf.where(amount > 0, (thick - images) * amount, (images - thin) * amount)


def _contrast(
    images: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor, settings: Augmentation
) -> tf.Tensor:
    """Raise each picture to a random power."""
    n = tf.shape(images)[0]
    gamma = tf.exp(tf.random.stateless_normal((n,), seed) * settings.contrast * strength)
    return tf.pow(tf.clip_by_value(images, 1e-6, 1.0), gamma[:, None, None])
