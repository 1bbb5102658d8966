"""One training: the steps, the averaged weights, the checkpoints that it resumes from.

Runs unchanged on a CPU, a GPU, or several (tf.distribute.MirroredStrategy). What it trains on is
training/dataset.py's business, what becomes of the result training/train.py's.
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.configuration import Configuration
from training.data.instances import Instances
from training.data.training_set import Sampler, TrainingData
from training.network import architecture
from training.network.augmentation import augment

AVERAGE_EVERY = 8  # steps between two updates of the averaged weights


@dataclass
class Progress:
    """One line of a training's history."""

    step: int
    steps: int  # since the line before
    loss: float
    seconds: float  # since the line before
    cpu_seconds: float
    accuracy: dict[str, float]


class Training:
    """One training: model, averaged model, optimiser and step, kept together in checkpoints."""

    def __init__(
        self,
        configuration: Configuration,
        data: TrainingData,
        *,
        classes: int = architecture.CLASSES,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Builds everything; `strategy` defaults to all GPUs there are, or the one CPU.

        Raises:
            ValueError: the batch cannot be divided among the replicas.
        """
        self.configuration = configuration
        self.strategy = strategy or default_strategy()
        self._replicas = self.strategy.num_replicas_in_sync
        if configuration.batch.size % self._replicas:
            raise ValueError(
                f"a batch of {configuration.batch.size} cannot be divided among "
                f"{self._replicas} devices; change [batch] in the configuration"
            )
        seed = configuration.run.seed
        self._sampler = Sampler(data.rows, configuration.batch, seed=seed)
        policy = "mixed_bfloat16" if configuration.run.mixed_bfloat16 else "float32"
        with self.strategy.scope():
            keras.utils.set_random_seed(seed)
            with _policy(policy):
                self.model = architecture.build(configuration.network, classes=classes, seed=seed)
                self.average = architecture.build(configuration.network, classes=classes, seed=seed)
            self.average.trainable = False
            self._logits = keras.Model(self.model.input, self.model.layers[-2].output)
            self._optimiser = _optimiser(configuration)
            self._optimiser.build(self.model.trainable_variables)
        self._images = tf.constant(data.images)
        self._labels = tf.constant(data.labels)
        self._bending = tf.constant(data.bending)
        self._classes = classes
        self.step = 0
        self._spent = 0.0  # CPU seconds before a resumption
        self._position = tf.Variable(0, dtype=tf.int64)
        self._spent_kept = tf.Variable(0.0, dtype=tf.float64)
        self._checkpoint = tf.train.Checkpoint(
            model=self.model,
            average=self.average,
            optimiser=self._optimiser,
            step=self._position,
            spent=self._spent_kept,
        )
        self._step_function = tf.function(self._distributed_step)
        self._average_function = tf.function(self._update_average)
        self._started = cpu_seconds()

    def is_mild(self, step: int) -> bool:
        """Whether nothing is bent at more than half strength in a step: the last ones."""
        return step >= self._mild_from

    @property
    def _mild_from(self) -> int:
        return int(self.configuration.augmentation.mild_from * self.configuration.run.steps)

    @property
    def cpu_seconds(self) -> float:
        return self._spent + cpu_seconds() - self._started

    def run(
        self,
        *,
        checkpoints: Path | None = None,
        judge: Callable[[keras.Model], dict[str, float]] = lambda model: {},
        report: Callable[[Progress], None] = lambda progress: None,
        until: int | None = None,
    ) -> list[Progress]:
        """Trains to the configured last step, or to `until`.

        A checkpoint is written at every report, complete or not at all.
        """
        run = self.configuration.run
        last = min(until or run.steps, run.steps)
        manager = self._manager(checkpoints)
        history: list[Progress] = []
        while self.step < last:
            started = time.monotonic()
            ahead = run.report_every - self.step % run.report_every
            until_next = min(ahead, last - self.step)
            if not self.is_mild(self.step):
                until_next = min(until_next, self._mild_from - self.step)
            loss = self._advance(until_next)
            line = Progress(
                step=self.step,
                steps=until_next,
                loss=loss,
                seconds=time.monotonic() - started,
                cpu_seconds=self.cpu_seconds,
                accuracy=judge(self.average),
            )
            history.append(line)
            report(line)
            if manager:
                self._position.assign(self.step)
                self._spent_kept.assign(self.cpu_seconds)
                manager.save(checkpoint_number=self.step)
        return history

    def resume(self, checkpoints: Path) -> bool:
        """Goes back to the newest checkpoint; False when there is none."""
        manager = self._manager(checkpoints)
        if manager is None or not manager.latest_checkpoint:
            return False
        self._checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
        self.step = int(self._position.numpy())
        self._spent = float(self._spent_kept.numpy())
        self._started = cpu_seconds()
        return True

    def rows(self, first: int, steps: int) -> NDArray[np.int32]:
        """The data of some steps: (steps, batch)."""
        return self._sampler.batches(first, steps)

    def finished(self) -> keras.Model:
        """The averaged network in float32: what ships."""
        with _policy("float32"):
            shipped = architecture.build(
                self.configuration.network, classes=self._classes, seed=self.configuration.run.seed
            )
        shipped.set_weights(self.average.get_weights())
        return shipped

    # ------------------------------------------------------------ one step

    def _advance(self, steps: int) -> float:
        most = tf.constant(0.5 if self.is_mild(self.step) else 1.0)
        losses = []
        for rows in self.rows(self.step, steps):
            number = tf.constant(self.step, tf.int32)
            losses.append(self._step_function(tf.constant(rows), number, most))
            self.step += 1
            if self.step % AVERAGE_EVERY == 0:
                self._average_function(tf.constant(self._decay(), tf.float32))
        return float(np.mean([float(loss) for loss in losses]))

    def _decay(self) -> float:
        # While few steps lie behind, a long mean would be a mean of the beginning.
        settled = self.configuration.optimiser.average**AVERAGE_EVERY
        updates = self.step // AVERAGE_EVERY
        return min(settled, updates / (updates + 10))

    def _distributed_step(self, rows: tf.Tensor, number: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
        losses = self.strategy.run(self._replica_step, args=(rows, number, most))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _replica_step(self, rows: tf.Tensor, number: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        mine = rows[replica :: self._replicas]
        images = tf.cast(tf.gather(self._images, mine), tf.float32) / 255.0
        labels = tf.gather(self._labels, mine)
        bending = tf.minimum(tf.gather(self._bending, mine), most)
        seed = tf.stack([self.configuration.run.seed, number * 64 + replica])
        images = augment(images, bending, seed, self.configuration.augmentation)
        smoothing = self.configuration.optimiser.label_smoothing
        wanted = tf.one_hot(labels, self._classes) * (1 - smoothing) + smoothing / self._classes
        with tf.GradientTape() as tape:
            logits = self._logits(images[..., None], training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
            loss = tf.reduce_sum(losses) / self.configuration.batch.size
        variables = self.model.trainable_variables
        self._optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def _update_average(self, decay: tf.Tensor) -> None:
        for mean, weight in zip(self.average.weights, self.model.weights, strict=True):
            mean.assign(mean.value * decay + weight.value * (1 - decay))

    def _manager(self, checkpoints: Path | None) -> tf.train.CheckpointManager | None:
        if checkpoints is None:
            return None
        return tf.train.CheckpointManager(self._checkpoint, str(checkpoints), max_to_keep=2)


def default_strategy() -> tf.distribute.Strategy:
    """All GPUs there are; with one or none, no distribution."""
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def predict(model: keras.Model, images: NDArray[np.uint8], batch: int = 512) -> NDArray[np.float32]:
    """Probabilities (n, classes) of instances kept as bytes (n, 28, 28)."""
    if not len(images):
        return np.zeros((0, model.output_shape[-1]), np.float32)
    instances = images.astype(np.float32)[..., None] / 255.0
    return model.predict(instances, batch_size=batch, verbose=0)  # type: ignore[no-any-return]


def accuracy(model: keras.Model, instances: Instances) -> float:
    return float((predict(model, instances.images).argmax(1) == instances.labels).mean())


def cpu_seconds() -> float:
    """Of this process and the ones it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _optimiser(configuration: Configuration) -> keras.optimizers.Optimizer:
    wanted, steps = configuration.optimiser, configuration.run.steps
    optimiser = keras.optimizers.AdamW(
        _Rate(
            rate=wanted.learning_rate,
            warmup=max(1, int(wanted.warmup * steps)),
            steps=steps,
        ),
        weight_decay=wanted.weight_decay,
    )
    # Scales and offsets are not weights: decaying them fights the normalisation.
    optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimiser


class _Rate(keras.optimizers.schedules.LearningRateSchedule):
    """Up in a line, down in a cosine (Loshchilov and Hutter 2017, without restarts)."""

    def __init__(self, *, rate: float, warmup: int, steps: int) -> None:
        self._settings = {"rate": rate, "warmup": warmup, "steps": steps}

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        wanted = self._settings
        now = tf.cast(step, tf.float32)
        rising = now / wanted["warmup"]
        share = (now - wanted["warmup"]) / max(wanted["steps"] - wanted["warmup"], 1)
        falling = (1 + tf.cos(np.pi * tf.clip_by_value(share, 0.0, 1.0))) / 2
        return wanted["rate"] * tf.minimum(rising, falling)

    def get_config(self) -> dict[str, float]:
        return dict(self._settings)


class _policy:
    """Keras' dtype policy for as long as a network is built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._before)
