"""A training's configuration: read once, typed, and refused by name when it is wrong."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

CONFIGS = Path(__file__).parent / "configs"


class ConfigurationError(ValueError):
    """The file lacks a value, has one too many, or one of the wrong kind."""


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
    outlier: int

    @property
    def size(self) -> int:
        return self.mnist + self.pen + self.outlier


@dataclass(frozen=True)
class Data:
    mnist_validation_every: int
    pool_seed: int
    pen_variants: int
    prolific_variants: int
    letter_variants: int
    styled: int
    outliers: int
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
    drawings: float
    rotation: float
    shear: float
    scale: float
    shift: float
    elastic: float
    thickness: float
    contrast: float


@dataclass(frozen=True)
class Calibration:
    expected_outliers: float


@dataclass(frozen=True)
class Configuration:
    """What a TOML file in training/configs says; the file has the reasons."""

    run: Run
    batch: Batch
    data: Data
    network: Network
    optimiser: Optimiser
    augmentation: Augmentation
    calibration: Calibration

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def read_configuration(path: Path) -> Configuration:
    """Reads and checks a configuration.

    Raises:
        ConfigurationError: naming the section and the value.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return from_tables(tables, source=str(path))


def from_tables(tables: dict[str, Any], *, source: str = "configuration") -> Configuration:
    """The same from parsed TOML (or from `Configuration.as_dict`)."""
    sections = get_type_hints(Configuration)
    _same_names(tables, sections, source)
    values = {
        name: _section(tables[name], kind, f"{source}: [{name}]") for name, kind in sections.items()
    }
    return Configuration(**values)


def _section(table: Any, kind: type, where: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} must be a table of values")
    hints = get_type_hints(kind)
    _same_names(table, hints, where)
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
            raise ConfigurationError(f"{where} {name} must be a {wanted.__name__}: {value!r}")
        values[name] = value
    return kind(**values)


def _same_names(table: dict[str, Any], names: dict[str, Any], where: str) -> None:
    if missing := sorted(set(names) - set(table)):
        raise ConfigurationError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(set(table) - set(names)):
        raise ConfigurationError(
            f"{where} has {', '.join(unknown)}, which nothing reads; known: {', '.join(names)}"
        )
