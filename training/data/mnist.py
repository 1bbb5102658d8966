"""MNIST from its four IDX files, or from Keras' download.

A data folder is preferred; without one Keras' `mnist.npz` under `~/.keras` is read, and downloaded
if necessary. Either way the bytes are compared with the published ones, so that accuracies are
comparable.
"""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.paths import DATA

Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (n, 28, 28), labels (n,)

DEFAULT_FOLDER = DATA / "mnist"
SIDE = 28
# SHA-256 of the uncompressed IDX files as LeCun, Cortes and Burges published them.
PUBLISHED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
UNSIGNED_BYTES = 0x08  # IDX: the third byte of the magic number is the type, the fourth the rank


class MnistError(ValueError):
    """A file of MNIST is missing, damaged or not the published one."""


def load(folder: Path | None = None, *, verify: bool = True) -> tuple[Part, Part]:
    """Return the training and the test part, bytes as published (255 is ink).

    Args:
        folder: holds the four IDX files, gzipped or not. None: DEFAULT_FOLDER if it exists, else
            Keras' copy, which is downloaded if necessary.
        verify: compare with the published checksums.

    Raises:
        MnistError: names the file that is missing, damaged or not the published one.
    """
    if folder is None:
        if not DEFAULT_FOLDER.is_dir():
            return _from_keras()
        folder = DEFAULT_FOLDER
    if not folder.is_dir():
        raise MnistError(
            f"there is no folder {folder}; --data must name a folder whose mnist/ has the four "
            f"IDX files ({', '.join(PUBLISHED)}; .gz or not), or be left out for a download"
        )
    arrays = [_read(folder, name, verify=verify) for name in PUBLISHED]
    parts = []
    for (images, labels), name in zip((arrays[:2], arrays[2:]), ("train", "t10k"), strict=True):
        if images.shape[1:] != (SIDE, SIDE) or labels.ndim != 1 or len(images) != len(labels):
            raise MnistError(
                f"{folder}/{name}-*: {images.shape} images and {labels.shape} labels do not "
                "belong together"
            )
        parts.append((images, labels))
    return parts[0], parts[1]


def checksums(folder: Path | None = None) -> dict[str, str]:
    """Return the SHA-256 of each uncompressed IDX file, for the training metadata."""
    if folder is None and not DEFAULT_FOLDER.is_dir():
        # `load` has compared Keras' copy with these.
        return {f"mnist/{name}": f"sha256:{digest}" for name, digest in PUBLISHED.items()}
    folder = folder or DEFAULT_FOLDER
    return {
        f"mnist/{name}": "sha256:" + hashlib.sha256(_bytes(folder, name)).hexdigest()
        for name in PUBLISHED
    }


def described(folder: Path | None = None) -> dict[str, Any]:
    """Return title, licence, origin and checksums, for the model card."""
    sums = checksums(folder)
    return {
        "title": "MNIST: digits of employees of the US Census Bureau and of pupils",
        "licence": "CC BY-SA 3.0 by Keras' documentation; its authors state none",
        "origin": "LeCun, Cortes and Burges, 1998",
        "sha256": {
            name.removeprefix("mnist/"): digest.removeprefix("sha256:")
            for name, digest in sums.items()
        },
    }


def _from_keras() -> tuple[Part, Part]:
    import keras

    try:
        parts = keras.datasets.mnist.load_data()
    except Exception as error:  # urllib's, Keras' own, or of the connection
        raise MnistError(
            f"MNIST could not be downloaded ({error}); give --data a folder whose mnist/ has "
            f"the four IDX files: {', '.join(PUBLISHED)}"
        ) from error
    names = iter(PUBLISHED.items())
    for part in parts:
        for array in part:
            name, digest = next(names)
            if hashlib.sha256(to_idx(np.ascontiguousarray(array, np.uint8))).hexdigest() != digest:
                raise MnistError(
                    f"Keras' copy of MNIST differs from the published {name}; remove "
                    "~/.keras/datasets/mnist.npz and try again"
                )
    train, test = parts
    return train, test


def to_idx(array: NDArray[np.uint8]) -> bytes:
    """Return an array of bytes as an IDX file."""
    return struct.pack(f">I{array.ndim}I", UNSIGNED_BYTES << 8 | array.ndim, *array.shape) + (
        array.tobytes()
    )


def _bytes(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    try:
        if packed.is_file():
            return gzip.decompress(packed.read_bytes())
        if plain.is_file():
            return plain.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise MnistError(f"{packed} is damaged: {error}") from error
    raise MnistError(f"{packed} is missing (and so is {plain.name} without .gz)")


def _read(folder: Path, name: str, *, verify: bool) -> NDArray[np.uint8]:
    data = _bytes(folder, name)
    if verify and hashlib.sha256(data).hexdigest() != PUBLISHED[name]:
        raise MnistError(f"{folder / name} is not the published file: its SHA-256 differs")
    rank = data[3] if len(data) >= 4 else 0
    header = 4 + 4 * rank
    if len(data) < header or data[:3] != bytes([0, 0, UNSIGNED_BYTES]) or rank not in (1, 3):
        raise MnistError(
            f"{folder / name} is not an IDX file of bytes: it begins {data[:4].hex()!r}"
        )
    shape = struct.unpack(f">{rank}I", data[4:header])
    if len(data) - header != int(np.prod(shape)):
        raise MnistError(
            f"{folder / name} is cut short: {len(data) - header} bytes for shape {shape}"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
