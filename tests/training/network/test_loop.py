"""A training: repeatable by seed, resumed where it broke off, the same on several devices."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.training.recipe import blots, checkpoints_in, small_data, tiny
from training.network.loop import Progress, Training, accuracy, predict

ROOT = Path(__file__).parents[3]


def weights(training: Training) -> list[np.ndarray]:
    return [np.array(weight) for weight in training.average.get_weights()]


def test_it_learns_reports_and_ships_float32() -> None:
    lines: list[Progress] = []
    training = Training(tiny(steps=160, report_every=40), small_data())
    training.run(report=lines.append, judge=lambda model: {"blots": 0.5})
    # every 40 steps, and where the strength of the augmentation turns
    assert [line.step for line in lines] == [40, 80, 120, 128, 160]
    assert lines[-1].loss < lines[0].loss
    assert lines[-1].accuracy == {"blots": 0.5}
    assert all(line.cpu_seconds > 0 for line in lines)
    model = training.finished()
    assert model.dtype_policy.name == "float32"
    assert accuracy(model, blots(200, kinds=10, seed=9)) > 0.9
    scores = predict(model, blots(5, kinds=10).images)
    assert scores.shape == (5, 11)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)
    assert predict(model, np.zeros((0, 28, 28), np.uint8)).shape == (0, 11)


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    data = small_data()
    one, same, other = (Training(tiny(seed=seed, steps=40), data) for seed in (1, 1, 2))
    assert (one.rows(0, 12) == same.rows(0, 12)).all()
    assert (one.rows(0, 12) != other.rows(0, 12)).any()
    # ... wherever one begins to read
    assert (one.rows(0, 12)[5:7] == same.rows(5, 2)).all()


def test_the_last_fifth_is_mild() -> None:
    training = Training(tiny(steps=40), small_data())
    mild = [step for step in range(40) if training.is_mild(step)]
    assert mild == list(range(32, 40))


def test_broken_off_and_resumed_it_ends_where_it_would_have(tmp_path: Path) -> None:
    data = small_data()
    whole = Training(tiny(), data)
    whole.run()

    broken = Training(tiny(), data)
    broken.run(checkpoints=tmp_path, until=8)
    assert broken.step == 8
    assert checkpoints_in(tmp_path) == ["ckpt-4", "ckpt-8"]  # the last two
    resumed = Training(tiny(), data)
    assert resumed.resume(tmp_path)
    assert resumed.step == 8
    assert resumed.cpu_seconds > broken.cpu_seconds * 0.5
    resumed.run(checkpoints=tmp_path)
    assert resumed.step == 12
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_without_a_checkpoint_it_begins_anew(tmp_path: Path) -> None:
    training = Training(tiny(), small_data())
    assert not training.resume(tmp_path / "none")
    assert training.step == 0


def test_bfloat16_trains_the_same_network() -> None:
    recipe = tiny()
    mixed = replace(recipe, run=replace(recipe.run, mixed_bfloat16=True, steps=4))
    training = Training(mixed, small_data())
    training.run()
    assert {weight.dtype for weight in training.finished().weights} == {"float32"}


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="a batch of 16 cannot be divided among 3 devices"):
        Training(tiny(), small_data(), strategy=Three())  # type: ignore[arg-type]


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from dataclasses import replace
from tests.training.recipe import small_data, tiny
from training.configuration import Augmentation
from training.network.loop import Training

# Without chance and without statistics of the batch, two halves must add up to one whole.
recipe = tiny(steps=3)
still = Augmentation(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
recipe = replace(recipe, augmentation=still, network=replace(recipe.network, dropout=0.0))
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert two.num_replicas_in_sync == 2
results = []
for strategy in (None, two):
    training = Training(recipe, small_data(), strategy=strategy)
    history = training.run()
    assert np.isfinite(history[-1].loss)
    results.append((history[-1].loss, training))
(one_loss, one), (two_loss, both) = results
assert abs(one_loss - two_loss) < 0.25, (one_loss, two_loss)
kernels = lambda t: np.concatenate([v.numpy().ravel() for v in t.model.trainable_variables])
a, b = kernels(one), kernels(both)
start = kernels(Training(recipe, small_data()))
moved, apart = np.abs(a - start).mean(), np.abs(a - b).mean()
assert apart < moved, (apart, moved)  # the statistics of a half batch differ, no more
assert one.rows(0, 3).tolist() == both.rows(0, 3).tolist()
for mirrored in both.model.trainable_variables:
    values = [copy.numpy() for copy in two.experimental_local_results(mirrored.value)]
    np.testing.assert_array_equal(values[0], values[-1])
print("two devices agree")
"""


def test_it_runs_on_two_devices() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "two devices agree" in done.stdout


def test_no_gpu_is_no_obstacle() -> None:
    from training.network.loop import default_strategy

    if not tf.config.list_logical_devices("GPU"):
        assert default_strategy().num_replicas_in_sync == 1
