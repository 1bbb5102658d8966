"""Files of a network: what is wrong with them is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.small_network import small_network
from training import trained_network
from training.trained_network import NetworkError, NetworkFiles, TrainedNetwork


def replace_by_12_classes(files: NetworkFiles) -> None:
    trained_network.save(TrainedNetwork(small_network(12), {}), files)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda files: files.weights.unlink(), "is missing"),
        (lambda files: files.architecture.write_text("{}"), "not a Keras architecture"),
        (lambda files: files.weights.write_bytes(b"no"), "does not hold"),
        (lambda files: files.metadata.write_text("{"), "is not JSON"),
        (replace_by_12_classes, "10 or 11"),
    ],
)
def test_a_wrong_file_is_named(
    tmp_path: Path, spoil: Callable[[NetworkFiles], object], message: str
) -> None:
    files = trained_network.files_of("net", tmp_path)
    trained_network.save(TrainedNetwork(small_network(), {}), files)
    spoil(files)
    with pytest.raises(NetworkError, match=message):
        trained_network.load(files)


def test_metadata_may_be_missing(tmp_path: Path) -> None:
    files = trained_network.files_of("net", tmp_path)
    trained_network.save(TrainedNetwork(small_network(), {"temperature": 2.0}), files)
    assert trained_network.load(files).temperature == 2.0
    files.metadata.unlink()
    network = trained_network.load(files)
    assert network.temperature == 1.0
    assert network.thresholds.not_a_digit == 0.5
