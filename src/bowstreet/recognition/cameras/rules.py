"""What may be looked at, and when a face is described: pure.

A face is described (a template made) as seldom as a decision needs: every template is a biometric of somebody who is most likely
on no list, and costs twenty times what finding the face does.
"""

from collections.abc import Sequence

from bowstreet.recognition.alerts.rules import LEAST_AGREEING, LEAST_LOOKS
from bowstreet.recognition.cameras.model import Lease, SeenLook

# A picture older than this when it comes to be looked at is of a moment that nobody can act on any more.
MOST_LATE_US = 5_000_000
# Fewer pixels between the eyes than the model was taught on can fill look like many people; `suitability` asks the same of lists.
LEAST_EYES_PX = 20.0
# Of `Quality.unified`, 0 to 100: from here on a first look is worth while; a pass that gets no better is looked at all the same.
GOOD_UNIFIED, LEAST_UNIFIED = 30.0, 8.0
# A later picture must be so much better to be described too.
BETTER = 1.3
# Of one pass: while nothing reached the threshold, and once something did.
MOST_LOOKS, MOST_LOOKS_MATCHED = 3, 6
# For so long after the last picture that was like somebody on the list the face is shown.
SHOWN_US = 3_000_000


def may_look(lease: Lease | None, captured_us: int, now_us: int) -> bool:
    """Whether a picture may be looked at (R2). Without a lease, or past it, nothing may; nor what was taken after it."""
    if lease is None or now_us >= lease.until_us or captured_us >= lease.until_us:
        return False
    return now_us - captured_us <= MOST_LATE_US


def describes_now(*, eyes_px: float, unified: float, best_described: float, described: int, matched: bool, waited: int) -> bool:
    """Whether a face is described in this picture.

    Args:
        best_described: the best `unified` of the pictures in which it was, 0 for none.
        described: how often it was.
        matched: whether one of them reached the threshold.
        waited: pictures of this pass since it could first have been described.
    """
    if eyes_px < LEAST_EYES_PX or unified < LEAST_UNIFIED:
        return False
    if matched:  # a second opinion of the model, from another picture, at once
        return described < MOST_LOOKS_MATCHED
    if described >= MOST_LOOKS:
        return False
    if described == 0:
        return unified >= GOOD_UNIFIED or waited >= 2
    return unified >= BETTER * best_described


def is_told(looks: Sequence[SeenLook], threshold: float, *, over: bool) -> bool:
    """Whether a pass is told now: it would be an alert, or it is over and some look reached the threshold. What is told is shown
    to operators as it is, so that a face which is like several people stays hidden (R8)."""
    reached = [look.person_id for look in looks if look.score >= threshold]
    if not reached:
        return False
    most = max(reached.count(one) for one in set(reached))
    return over or (most >= LEAST_LOOKS and most >= LEAST_AGREEING * len(reached))


def is_shown(looks: Sequence[SeenLook], at_us: int) -> bool:
    """Whether the face of a pass that was told is shown to operators. Passes are followed by place alone: later than this it may
    be somebody else who stands there (R8)."""
    return bool(looks) and at_us - looks[-1].at_us <= SHOWN_US
