"""Confidence intervals of shares, for evaluation and for the site's statistics."""

from math import sqrt

Z = 1.959964  # the normal distribution's 97.5 % quantile: intervals are of 95 %


def wilson_interval(count: float, of: float) -> tuple[float, float]:
    """Return the 95 % interval of a share, which stays within 0..1 for shares near 0 and 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).

    Args:
        count, of: a number of cases out of all, or means of them; out of none, it is 0..1.
    """
    if not of:
        return 0.0, 1.0
    p = count / of
    middle = (p + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
