"""A sequential test of two shares: is the canary corrected more often than the stable version?

It may be looked at after every block of drawings, and stopped at any of them, without more false
alarms than stated. That is the property of an e-process: a product E of factors, each of which has
an expectation of at most 1 while both shares are equal. By Ville's inequality, E ever reaches
1/alpha with probability at most alpha, so 1/max(E) is an always-valid p-value (Johari, Koomen,
Pekelis and Walsh, "Always valid inference", Operations Research 2022).

The factor of a block with `n_a` drawings of the stable version, `y_a` of them corrected, and `n_b`
and `y_b` of the canary, is the one of Turner, Ly and Grünwald ("Generic e-variables for exact
sequential k-sample tests that allow for optional stopping", 2021; exact, no approximation by a
normal distribution, which would not hold for shares of one percent):

    S = (a/m)^y_a * ((1-a)/(1-m))^(n_a-y_a) * (b/m)^y_b * ((1-b)/(1-m))^(n_b-y_b)
    m = (n_a*a + n_b*b) / (n_a + n_b)

for any a and b that were chosen before the block was seen. `a` is the stable version's share so
far, with a prior of `PRIOR_DRAWINGS` drawings at `PRIOR_SHARE`; `b` has the odds of `a` times one
of `ODDS_RATIOS`. E is the mean of the products for each ratio, which is an e-process again. All
ratios are above 1, so a canary that is better gives no evidence against it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05  # the probability that a canary as good as the stable version is ever rolled back
ODDS_RATIOS = (1.3, 1.6, 2.0, 3.0, 5.0, 10.0)
PRIOR_SHARE, PRIOR_DRAWINGS = 0.02, 50.0

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass
class Evidence:
    """The evidence against one canary, or against many in a simulation: arrays of one shape.

    Attributes:
        log_products: one row for each ratio of `ODDS_RATIOS`: (ratios, *shape).
        drawings, corrected: of the stable version so far, which `a` is estimated from.
        largest: the largest log E so far.
    """

    shape: tuple[int, ...] = ()
    log_products: Floats = field(init=False)
    drawings: Counts = field(init=False)
    corrected: Counts = field(init=False)
    largest: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.log_products = np.zeros((len(ODDS_RATIOS), *self.shape))
        self.drawings = np.zeros(self.shape, np.int64)
        self.corrected = np.zeros(self.shape, np.int64)
        self.largest = np.zeros(self.shape)

    def add(
        self,
        *,
        stable: Counts | int,
        stable_corrected: Counts | int,
        canary: Counts | int,
        canary_corrected: Counts | int,
    ) -> None:
        """Multiply E by the factor of a block, which has drawings of both versions.

        How many drawings of each version a block has must not depend on what is corrected.
        """
        n_a, y_a = np.asarray(stable), np.asarray(stable_corrected)
        n_b, y_b = np.asarray(canary), np.asarray(canary_corrected)
        a = (PRIOR_SHARE * PRIOR_DRAWINGS + self.corrected) / (PRIOR_DRAWINGS + self.drawings)
        odds = np.multiply.outer(np.array(ODDS_RATIOS), a / (1 - a))
        b = odds / (1 + odds)
        m = (n_a * a + n_b * b) / (n_a + n_b)
        self.log_products += (
            y_a * np.log(a / m)
            + (n_a - y_a) * np.log((1 - a) / (1 - m))
            + y_b * np.log(b / m)
            + (n_b - y_b) * np.log((1 - b) / (1 - m))
        )
        self.drawings = self.drawings + n_a
        self.corrected = self.corrected + y_a
        self.largest = np.maximum(self.largest, self.log_e)

    @property
    def log_e(self) -> Floats:
        """The logarithm of E now."""
        highest = self.log_products.max(axis=0)
        return np.asarray(highest + np.log(np.exp(self.log_products - highest).mean(axis=0)))

    @property
    def p(self) -> Floats:
        """The always-valid p-value: the smallest 1/E so far, at most 1."""
        return np.asarray(np.exp(-np.maximum(self.largest, 0)))

    @property
    def is_worse(self) -> NDArray[np.bool_]:
        """True once the canary has been found worse at `ALPHA`, now or earlier."""
        return np.asarray(self.p <= ALPHA)
