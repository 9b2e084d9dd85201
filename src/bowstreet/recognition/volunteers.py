"""True recognition in the field: volunteers of the list who walk past, and which of their passes raised an alert (R14). Pure."""

from collections.abc import Sequence
from datetime import timedelta

from bowstreet.recognition.alerts.model import Alert
from bowstreet.recognition.model import Opportunity

# A pass is noted by hand: the alert of it may come a little before, or after.
NOTED_WITHIN = timedelta(seconds=90)


def recognised(seeded: Sequence[Alert], opportunities: Sequence[Opportunity]) -> tuple[int, int]:
    """How many passes raised an alert about the right volunteer at that camera, and how many alerts belong to no pass.

    Each alert answers one pass at most, the nearest in time. An alert without a pass named a volunteer who was not there: it
    counts as a false one.
    """
    free = list(seeded)
    hits = 0
    for passed in sorted(opportunities, key=lambda one: one.at):
        fitting = [
            one for one in free
            if one.person_id == passed.person_id and one.camera_id == passed.camera_id
            and abs(one.seen_at - passed.at) <= NOTED_WITHIN
        ]  # fmt: skip
        if fitting:
            free.remove(min(fitting, key=lambda one: abs(one.seen_at - passed.at)))
            hits += 1
    return hits, len(free)
