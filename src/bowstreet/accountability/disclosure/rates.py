"""How often recognition is wrong, over both denominators, with exact intervals. No figure of a rate is published without them."""

import msgspec
from scipy.stats import beta


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Shares between 0 and 1."""

    low: float
    high: float


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many. `share` is None where there was nothing to count over."""

    count: int
    of: int
    share: float | None
    interval: Interval


class FalseAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """The same false alerts, over all faces seen (how likely a passer-by is to be stopped wrongly) and over all alerts (how
    likely an alert is to be wrong). Either alone misleads."""

    over_faces: Rate
    over_alerts: Rate


def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> Interval:
    """The exact interval of a share (Clopper and Pearson, 1934): it holds the true one at least so often, however few were
    counted.

    Raises:
        ValueError: more than there are, or fewer than none.
    """
    if not 0 <= count <= of or not 0.0 < confidence < 1.0:
        raise ValueError(f"{count} of {of} at {confidence}")
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(1.0 - tail, count + 1, of - count))
    return Interval(low=low, high=high)


def rate(count: int, of: int, confidence: float = 0.95) -> Rate:
    """Raises `ValueError` as `clopper_pearson` does."""
    return Rate(count=count, of=of, share=count / of if of else None, interval=clopper_pearson(count, of, confidence))


def false_alerts(false: int, alerts: int, faces: int) -> FalseAlerts:
    """Raises `ValueError` where there are more alerts than faces, or more false ones than alerts."""
    if alerts > faces:
        raise ValueError(f"{alerts} alerts over {faces} faces")
    return FalseAlerts(over_faces=rate(false, faces), over_alerts=rate(false, alerts))
