"""Configuration of a training, read from TOML and checked; an error names the wrong value."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

CONFIGS = Path(__file__).parent / "configs"


class ConfigurationError(ValueError):
    """A value is missing, unknown or of the wrong type."""


@dataclass(frozen=True)
class Run:
    seed: int
    steps: int
    report_every: int
    mixed_bfloat16: bool


@dataclass(frozen=True)
class Batch:
    mnist: int
    pen: int
    negative: int

    @property
    def size(self) -> int:
        return self.mnist + self.pen + self.negative


@dataclass(frozen=True)
class Data:
    mnist_validation_every: int
    rendering_seed: int
    pen_variants: int
    prolific_variants: int
    letter_variants: int
    styled: int
    negatives: int
    mild_share: float
    style_probability: float
    canvas: int


@dataclass(frozen=True)
class Network:
    channels: tuple[int, int, int]
    convolutions: tuple[int, int, int]
    dense: int
    dropout: float
    batch_norm_momentum: float


@dataclass(frozen=True)
class Optimiser:
    learning_rate: float
    weight_decay: float
    warmup: float
    label_smoothing: float
    average: float


@dataclass(frozen=True)
class Augmentation:
    mild_from: float
    pen: float
    negative: float
    rotation: float
    shear: float
    scale: float
    shift: float
    elastic: float
    thickness: float
    contrast: float


@dataclass(frozen=True)
class Calibration:
    expected_negatives: float
    temperature: float  # 0: it and the thresholds are fitted on the held-out writers
    digit_confidence: float
    not_a_digit: float


@dataclass(frozen=True)
class Configuration:
    """Values of a TOML file in training/configs, which gives the reason for each."""

    run: Run
    batch: Batch
    data: Data
    network: Network
    optimiser: Optimiser
    augmentation: Augmentation
    calibration: Calibration

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def config_path(name: str) -> Path:
    """Return the path of a configuration, given as a name in CONFIGS or as a .toml file."""
    return Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"


def read_configuration(path: Path) -> Configuration:
    """Read and check a configuration.

    Raises:
        ConfigurationError: names the section and the value.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return from_tables(tables, source=str(path))


def from_tables(tables: dict[str, Any], *, source: str = "configuration") -> Configuration:
    """Check a configuration given as parsed TOML or as the result of `Configuration.as_dict`."""
    sections = get_type_hints(Configuration)
    _check_names(tables, sections, source)
    values = {
        name: _section(tables[name], kind, f"{source}: [{name}]") for name, kind in sections.items()
    }
    return Configuration(**values)


def _section(table: Any, kind: type, where: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} must be a table of values")
    hints = get_type_hints(kind)
    _check_names(table, hints, where)
    values = {}
    for name, wanted in hints.items():
        value = table[name]
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted == tuple[int, int, int]:
            if not (isinstance(value, list | tuple) and len(value) == 3):
                raise ConfigurationError(f"{where} {name} must be three whole numbers: {value!r}")
            value = tuple(int(v) for v in value)
        elif type(value) is not wanted:
            raise ConfigurationError(f"{where} {name} must be of type {wanted.__name__}: {value!r}")
        values[name] = value
    return kind(**values)


def _check_names(table: dict[str, Any], names: dict[str, Any], where: str) -> None:
    if missing := sorted(set(names) - set(table)):
        raise ConfigurationError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(set(table) - set(names)):
        raise ConfigurationError(
            f"{where} has {', '.join(unknown)}, which nothing reads; known: {', '.join(names)}"
        )
