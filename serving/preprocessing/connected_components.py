"""Connected groups of cells of a coarse grid: what belongs together on a picture.

Rows are bits of whole numbers, so that a group is flooded in a few sweeps over the rows, without
SciPy, in a fraction of a millisecond.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def grown(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells and the eight around each."""
    padded = np.pad(cells, 1)
    wide = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return wide[:-2] | wide[1:-1] | wide[2:]


def groups(cells: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Each connected group (by sides or corners) as a mask of its own, from the top down."""
    packed = np.packbits(cells, axis=1)
    width = packed.shape[1]  # bytes
    rows = [int.from_bytes(row.tobytes()) for row in packed]
    while any(rows):
        group = _flooded(rows)
        rows = [row & ~part for row, part in zip(rows, group, strict=True)]
        members = np.frombuffer(b"".join(part.to_bytes(width) for part in group), np.uint8)
        unpacked = np.unpackbits(members.reshape(-1, width), axis=1, count=cells.shape[1])
        yield unpacked.astype(bool)


def _flooded(rows: list[int]) -> list[int]:
    """The group of the first set cell."""
    start = next(index for index, row in enumerate(rows) if row)
    group = [0] * len(rows)
    group[start] = rows[start] & -rows[start]
    order = list(range(len(rows)))
    grew = True
    while grew:
        grew = False
        for index in order:
            near = group[index]
            if index > 0:
                near |= group[index - 1]
            if index + 1 < len(rows):
                near |= group[index + 1]
            reach = (near | near << 1 | near >> 1) & rows[index]
            while True:  # along the row, both ways
                wider = (reach | reach << 1 | reach >> 1) & rows[index]
                if wider == reach:
                    break
                reach = wider
            if reach != group[index]:
                group[index] = reach
                grew = True
        order.reverse()
    return group
