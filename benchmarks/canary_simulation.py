"""Simulates canaries: false rollbacks of equal ones, and the delay until worse ones are found.

    python benchmarks/canary_simulation.py            # the figures of docs/rollout.md

Each canary answers a share of the visitors; after each block of drawings the sequential test of
`webui.rollout.sequential_test` is looked at, as the site does.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webui.rollout.sequential_test import Evidence

SEED = 80
BLOCK = 100  # drawings, as webui.rollout.canary_watch counts them
CANARIES = 10_000


@dataclass(frozen=True)
class Simulated:
    """The outcome of the canaries."""

    rolled_back: NDArray[np.bool_]
    visitors: NDArray[np.int64]  # until then; of the others all that were simulated

    def visitors_until(self, share: float) -> float:
        """Return the visitors after which this share of all canaries was rolled back."""
        reached = np.where(self.rolled_back, self.visitors, np.inf)
        return float(np.quantile(reached, share, method="higher"))


def simulate(
    *,
    stable: float,
    canary: float,
    share: float,
    visitors: int,
    canaries: int = CANARIES,
    seed: int = SEED,
) -> Simulated:
    """Simulate canaries that are independent of one another.

    Args:
        stable, canary: shares of first drawings that are corrected.
        share: of the visitors, that the canary answers.
        visitors: simulated for each canary, of both versions.
    """
    rng = np.random.default_rng(seed)
    evidence = Evidence((canaries,))
    found_at = np.zeros(canaries, np.int64)
    for block in range(1, visitors // BLOCK + 1):
        of_canary = np.clip(rng.binomial(BLOCK, share, canaries), 1, BLOCK - 1)
        evidence.add(
            stable=BLOCK - of_canary,
            stable_corrected=rng.binomial(BLOCK - of_canary, stable),
            canary=of_canary,
            canary_corrected=rng.binomial(of_canary, canary),
        )
        found_at[evidence.is_worse & (found_at == 0)] = block * BLOCK
    rolled_back = found_at > 0
    return Simulated(rolled_back, np.where(rolled_back, found_at, visitors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--canaries", type=int, default=CANARIES)
    parser.add_argument("--visitors", type=int, default=50_000)
    options = parser.parse_args()
    print("corrected (stable, canary)  share  rolled back  visitors until half, until 90 %")
    for share in (0.1, 0.5):
        for stable in (0.01, 0.02, 0.05):
            for worse in (0.0, 0.01, 0.03):
                found = simulate(
                    stable=stable,
                    canary=stable + worse,
                    share=share,
                    visitors=options.visitors,
                    canaries=options.canaries,
                )
                print(
                    f"{stable:6.1%}, {stable + worse:6.1%}  {share:14.0%}  "
                    f"{found.rolled_back.mean():10.2%}  "
                    f"{found.visitors_until(0.5):,.0f}, {found.visitors_until(0.9):,.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
