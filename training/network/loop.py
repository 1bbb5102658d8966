"""The training loop: steps, averaged weights, and checkpoints to resume from.

It runs unchanged on a CPU, a GPU, several (tf.distribute.MirroredStrategy), or several machines
(training/network/workers.py).
"""

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.configuration import Configuration
from training.cpu_time import cpu_seconds
from training.data.training_set import Sampler, TrainingSet
from training.network import architecture
from training.network.augmentation import augment
from training.network.batch_normalisation import for_replicas
from training.network.workers import WorkersError

AVERAGE_EVERY = 8  # steps between two updates of the averaged weights
# A step's augmentation seed is its number times this plus the replica's.
MOST_REPLICAS = 64


@dataclass
class Progress:
    """The state of a training after some steps."""

    step: int
    steps: int  # since the previous report
    loss: float
    seconds: float  # since the previous report
    cpu_seconds: float
    accuracy: dict[str, float]


class Trainer:
    """One training: model, averaged model, optimiser and step, stored together in checkpoints."""

    def __init__(
        self,
        configuration: Configuration,
        data: TrainingSet,
        *,
        classes: int = architecture.CLASSES,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Build everything; `strategy` defaults to all GPUs of this machine, or its CPU.

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
        run = configuration.run
        self._sampler = Sampler(data.rows, configuration.batch, seed=run.seed)
        self._mild_from = int(configuration.augmentation.mild_from * run.steps)
        with self.strategy.scope():
            keras.utils.set_random_seed(run.seed)
            with _dtype_policy("mixed_bfloat16" if run.mixed_bfloat16 else "float32"):
                self.model, self.average = (
                    architecture.build(
                        configuration.network,
                        classes=classes,
                        seed=run.seed,
                        normalisation=for_replicas(self._replicas),
                    )
                    for _ in range(2)
                )
            self.average.trainable = False
            self._logits = keras.Model(self.model.input, self.model.layers[-2].output)
            self._optimiser = _optimiser(configuration)
            self._optimiser.build(self.model.trainable_variables)
        self._images = tf.constant(data.images)
        self._labels = tf.constant(data.labels)
        self._strength = tf.constant(data.strength)
        self._classes = classes
        resolver = self.strategy.cluster_resolver  # None on one machine
        self.is_chief = resolver is None or not resolver.task_id
        self.step = 0
        self._cpu_seconds_before = 0.0  # of the runs before this one was resumed
        self._saved_step = tf.Variable(0, dtype=tf.int64)
        self._saved_cpu_seconds = tf.Variable(0.0, dtype=tf.float64)
        self._checkpoint = tf.train.Checkpoint(
            model=self.model,
            average=self.average,
            optimiser=self._optimiser,
            step=self._saved_step,
            cpu_seconds=self._saved_cpu_seconds,
        )
        self._step_function = tf.function(self._distributed_step)
        self._average_function = tf.function(self._update_average)
        self._started = cpu_seconds()

    def is_mild(self, step: int) -> bool:
        """Return whether a step limits the augmentation to half strength, as the last ones do."""
        return step >= self._mild_from

    def start_from(self, model: keras.Model) -> None:
        """Begin with the weights of a network of the same architecture.

        Raises:
            ValueError: it has another architecture.
        """
        for own in (self.model, self.average):
            own.set_weights(model.get_weights())

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds spent, including those before an interruption."""
        return self._cpu_seconds_before + cpu_seconds() - self._started

    def run(
        self,
        *,
        checkpoints: Path | None = None,
        validate: Callable[[keras.Model], dict[str, float]] = lambda model: {},
        report: Callable[[Progress], None] = lambda progress: None,
        until: int | None = None,
    ) -> list[Progress]:
        """Train to the configured last step, or to `until`.

        Of several machines only the first validates and writes checkpoints.

        Args:
            checkpoints: folder for a checkpoint at every report.
            validate: returns accuracies of the averaged model, for the report.
            report: called every `report_every` steps, and when the augmentation becomes mild.
            until: step to stop after.

        Returns:
            All that was reported.

        Raises:
            WorkersError: another machine has another configuration, other data or another step.
        """
        self._compare_workers()
        run = self.configuration.run
        last = min(until or run.steps, run.steps)
        manager = self._manager(checkpoints) if checkpoints and self.is_chief else None
        history: list[Progress] = []
        while self.step < last:
            started = time.monotonic()
            end = min(last, self.step + run.report_every - self.step % run.report_every)
            if not self.is_mild(self.step):
                end = min(end, self._mild_from)
            steps = end - self.step
            loss = self._advance(steps)
            progress = Progress(
                loss=loss,
                step=self.step,
                steps=steps,
                seconds=time.monotonic() - started,
                cpu_seconds=self.cpu_seconds,
                accuracy=validate(self.finished()) if self.is_chief else {},
            )
            history.append(progress)
            report(progress)
            if manager:
                self._saved_step.assign(self.step)
                self._saved_cpu_seconds.assign(self.cpu_seconds)
                manager.save(checkpoint_number=self.step)
        return history

    def resume(self, checkpoints: Path) -> bool:
        """Restore the newest checkpoint; False if there is none."""
        newest = self._manager(checkpoints).latest_checkpoint
        if not newest:
            return False
        self._checkpoint.restore(newest).assert_existing_objects_matched()
        self.step = int(self._saved_step.numpy())
        self._cpu_seconds_before = float(self._saved_cpu_seconds.numpy())
        self._started = cpu_seconds()
        return True

    def rows(self, first: int, steps: int) -> NDArray[np.int32]:
        """Return the rows of the training set that some steps read: (steps, batch size)."""
        return self._sampler.batches(first, steps)

    def finished(self) -> keras.Model:
        """Return the averaged network in float32, which is the result of the training."""
        with _dtype_policy("float32"):
            result = architecture.build(
                self.configuration.network, classes=self._classes, seed=self.configuration.run.seed
            )
        result.set_weights(self.average.get_weights())
        return result

    def _compare_workers(self) -> None:
        """Stop if the machines would not train the same; the mean of equal numbers is each."""
        data = [zlib.crc32(part.numpy().tobytes()) for part in (self._images, self._labels)]
        settings = zlib.crc32(repr(self.configuration).encode())
        own = np.array([self.step, settings, *data], np.float64)
        mean = self.strategy.reduce(
            tf.distribute.ReduceOp.MEAN, self.strategy.run(lambda: tf.constant(own)), axis=None
        )
        names = ("step", "configuration", "instances", "labels")
        apart = [n for n, a, b in zip(names, own, mean.numpy(), strict=True) if abs(a - b) > 0.01]
        if apart:
            raise WorkersError(
                f"the workers differ in {', '.join(apart)}: give all the same options, the same "
                "data, and the same folder var/training, which holds the checkpoints"
            )

    def _advance(self, steps: int) -> float:
        """Train for some steps and return their mean loss."""
        limit = tf.constant(0.5 if self.is_mild(self.step) else 1.0)
        losses = []
        for rows in self.rows(self.step, steps):
            number = tf.constant(self.step, tf.int32)
            losses.append(self._step_function(tf.constant(rows), number, limit))
            self.step += 1
            if self.step % AVERAGE_EVERY == 0:
                self._average_function(tf.constant(self._decay(), tf.float32))
        return float(np.mean([float(loss) for loss in losses]))

    def _decay(self) -> float:
        # A lower decay in the first steps, so that the first weights do not stay in the average.
        settled = self.configuration.optimiser.average**AVERAGE_EVERY
        updates = self.step // AVERAGE_EVERY
        return min(settled, updates / (updates + 10))

    def _distributed_step(self, rows: tf.Tensor, number: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
        losses = self.strategy.run(self._replica_step, args=(rows, number, limit))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _replica_step(self, rows: tf.Tensor, number: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        own_rows = rows[replica :: self._replicas]
        images = tf.cast(tf.gather(self._images, own_rows), tf.float32) / 255.0
        labels = tf.gather(self._labels, own_rows)
        strength = tf.minimum(tf.gather(self._strength, own_rows), limit)
        seed = tf.stack([self.configuration.run.seed, number * MOST_REPLICAS + replica])
        images = augment(images, strength, seed, self.configuration.augmentation)
        smoothing = self.configuration.optimiser.label_smoothing
        targets = tf.one_hot(labels, self._classes) * (1 - smoothing) + smoothing / self._classes
        with tf.GradientTape() as tape:
            logits = self._logits(images[..., None], training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_sum(losses) / self.configuration.batch.size
        variables = self.model.trainable_variables
        self._optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def _update_average(self, decay: tf.Tensor) -> None:
        for mean, weight in zip(self.average.weights, self.model.weights, strict=True):
            mean.assign(mean.value * decay + weight.value * (1 - decay))

    def _manager(self, checkpoints: Path) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(self._checkpoint, str(checkpoints), max_to_keep=2)


def limit_threads(count: int) -> None:
    """Have TensorFlow use so many threads for an operation; 0 leaves it all cores.

    To be called before TensorFlow does anything else.
    """
    if count:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


def default_strategy() -> tf.distribute.Strategy:
    """Return a strategy over all GPUs, or none if there are fewer than two."""
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def _optimiser(configuration: Configuration) -> keras.optimizers.Optimizer:
    settings, steps = configuration.optimiser, configuration.run.steps
    warmup = max(1, int(settings.warmup * steps))
    optimiser = keras.optimizers.AdamW(
        _LearningRate(rate=settings.learning_rate, warmup=warmup, steps=steps),
        weight_decay=settings.weight_decay,
    )
    # Decay of the scales and offsets would work against the normalisation.
    optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimiser


class _LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise, then a cosine to zero (Loshchilov and Hutter, 2017, without restarts)."""

    def __init__(self, *, rate: float, warmup: int, steps: int) -> None:
        self._rate, self._warmup, self._steps = rate, warmup, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        now = tf.cast(step, tf.float32)
        rising = now / self._warmup
        share = (now - self._warmup) / max(self._steps - self._warmup, 1)
        falling = (1 + tf.cos(np.pi * tf.clip_by_value(share, 0.0, 1.0))) / 2
        return self._rate * tf.minimum(rising, falling)

    def get_config(self) -> dict[str, float]:
        return {"rate": self._rate, "warmup": self._warmup, "steps": self._steps}


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Set Keras' dtype policy while a network is built."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
