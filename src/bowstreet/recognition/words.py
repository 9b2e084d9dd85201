"""The closed words of a deployment's public record as people say them, and how its shares are written. Pure."""

from bowstreet.accountability.disclosure.rates import Rate

SAYS = {
    "find-people-wanted": "find people wanted by a court or for an offence",
    "find-people-under-conditions": "find people under conditions of a court",
    "find-people-who-pose-serious-harm": "find people who pose a risk of serious harm",
    "find-missing-people-at-risk": "find missing people at risk",
    "recorded-crime-hotspot": "recorded crime is high here",
    "intelligence-that-listed-people-come-here": "information that listed people come here",
    "event-at-assessed-risk": "an event at assessed risk",
    "transport-hub-used-by-listed-people": "a transport hub that listed people use",
    "wanted-by-court": "wanted by a court",
    "suspected-of-serious-offence": "suspected of a serious offence",
    "under-conditions-of-court-order": "under conditions of a court’s order",
    "poses-risk-of-serious-harm": "pose a risk of serious harm",
    "missing-at-risk": "missing and at risk",
    "other categories": "other categories together",
}
NEVER = (
    "Faces that are not on the list are compared in memory and overwritten at once; nothing of them is kept but a count. "
    "No drone recognises faces. An alert does nothing by itself: an officer compares both pictures and decides."
)


def said(code: str) -> str:
    return SAYS.get(code, code.replace("-", " "))


def share(one: Rate) -> str:
    return "nothing to count over" if one.share is None else percent(one.share)


def percent(part: float) -> str:
    return f"{part * 100:.2g}%" if 0.0 < part < 0.1 else f"{part:.0%}" if part in (0.0, 1.0) else f"{part * 100:.1f}%"
