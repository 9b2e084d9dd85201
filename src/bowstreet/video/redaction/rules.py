"""What is covered in a copy: what was found, what people changed, and time in; regions out. Pure.

A head is taken to be in the upper part of a person's outline, a plate in the lower part of a vehicle's. Both are guessed from the
outline alone, widely: nothing looks for a face or reads a plate. From steeply above, and where a shape is small, all of it is
covered. A look that misses somebody uncovers nobody: between two looks everything is covered that either of them needs and that
lies between, and before the first and after the last for a while.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from bowstreet.video.redaction.model import Added, CoveredRegion, CoverKind, Edit, Found, Lifted, Look, Shape

# Longer than this unseen, a track's two ends are no longer joined: whoever it was may have been anywhere.
MOST_GAP_US = 3_000_000
# Covered before a track's first look and after its last. Patches that may be plates are many, and mostly none: a shorter time.
BESIDE_US, BESIDE_PLATE_US = 1_000_000, 250_000
# A person's outline less high than this many times its width is seen from steeply above, or bent: the head may be anywhere in it.
STEEP = 1.8
# Lower than this a part of a shape cannot be told from the whole of it.
SMALL_PX = 32.0
HEAD_SHARE, PLATE_SHARE = 0.45, 0.65
# How much wider than found, in shares of the outline's own size: detectors' edges tremble by some 6% of it.
WIDER = {CoverKind.PERSON: (0.35, 0.15), CoverKind.VEHICLE: (0.12, 0.12), CoverKind.PLATE: (0.3, 0.3)}
# And beside its looks, where it is not known how it moves; at most so many pixels, for what is large moves no further for that.
WIDER_BESIDE, MOST_WIDER_PX = 0.5, 48.0
# How much further than it was seen to move: two looks that tremble tell no course.
MOST_ON = 2.0
LEAST_PX = 4.0
# By people, in one record: days of work. Whoever reads a record of more need not read on.
MOST_EDITS = 2_000


class Box:
    """A rectangle while it is reckoned with."""

    __slots__ = ("bottom", "left", "right", "top")

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom

    def joined(self, other: "Box") -> "Box":
        return Box(
            min(self.left, other.left), min(self.top, other.top), max(self.right, other.right), max(self.bottom, other.bottom)
        )

    def wider(self, across: float, down: float, most: float = math.inf) -> "Box":
        x = min(most, max(LEAST_PX, across * (self.right - self.left)))
        y = min(most, max(LEAST_PX, down * (self.bottom - self.top)))
        return Box(self.left - x, self.top - y, self.right + x, self.bottom + y)

    def holds(self, other: "Box") -> bool:
        return self.left <= other.left and self.top <= other.top and self.right >= other.right and self.bottom >= other.bottom


def part(shape: Shape) -> Box:
    """The part of a shape that is covered, not yet widened."""
    left, top, right, bottom = shape.left, shape.top, shape.left + shape.width, shape.top + shape.height
    if shape.height < SMALL_PX or shape.kind is CoverKind.PLATE:
        return Box(left, top, right, bottom)
    if shape.kind is CoverKind.PERSON:
        steep = shape.height < STEEP * shape.width
        return Box(left, top, right, bottom if steep else top + HEAD_SHARE * shape.height)
    return Box(left, bottom - PLATE_SHARE * shape.height, right, bottom)


def covered(found: Found, edits: Iterable[Edit]) -> tuple[CoveredRegion, ...]:
    """Every region of a copy, in order of time."""
    edits = tuple(edits)
    size = found.width_px, found.height_px
    regions = [region for track in _tracks(found.looks).values() for region in _of_track(track, size)]
    regions += [_added(edit, size) for edit in edits if isinstance(edit, Added)]
    regions = [one for one in regions if one.right > one.left and one.bottom > one.top and one.until_us >= one.from_us]
    lifts: dict[str, list[Lifted]] = {}
    for edit in edits:
        if isinstance(edit, Lifted):
            lifts.setdefault(edit.region_id, []).append(edit)
    left = [piece for region in regions for piece in without(region, lifts.get(region.region_id, ()))]
    return tuple(sorted(left, key=lambda one: (one.from_us, one.region_id, one.left, one.top)))


def at(regions: Iterable[CoveredRegion], at_us: int) -> list[CoveredRegion]:
    """What is covered in the picture at a time."""
    return [one for one in regions if one.from_us <= at_us <= one.until_us]


def without(region: CoveredRegion, lifts: Sequence[Lifted]) -> list[CoveredRegion]:
    """A region with the times taken out at which it was lifted: exactly those, both ends included."""
    pieces = [(region.from_us, region.until_us)]
    for lift in lifts:
        pieces = [
            (start, end)
            for begin, stop in pieces
            for start, end in ((begin, min(stop, lift.from_us - 1)), (max(begin, lift.until_us + 1), stop))
            if start <= end
        ]
    return [_with_time(region, start, end) for start, end in pieces]


def _tracks(looks: Iterable[Look]) -> Mapping[tuple[str, CoverKind], list[tuple[int, Shape]]]:
    tracks: dict[tuple[str, CoverKind], list[tuple[int, Shape]]] = {}
    for look in looks:
        for shape in look.shapes:
            tracks.setdefault((shape.track, shape.kind), []).append((look.at_us, shape))
    return tracks


def _of_track(track: list[tuple[int, Shape]], size: tuple[int, int]) -> list[CoveredRegion]:
    track = sorted(track, key=lambda one: one[0])
    regions = []
    runs = [[track[0]]]
    for one in track[1:]:
        if one[0] - runs[-1][-1][0] <= MOST_GAP_US:
            runs[-1].append(one)
        else:
            runs.append([one])
    for run in runs:
        (first_us, first), (last_us, last) = run[0], run[-1]
        beside_us = BESIDE_PLATE_US if first.kind is CoverKind.PLATE else BESIDE_US
        regions.append(_region(first, first_us - beside_us, first_us, _beside(run, beside_us), size))
        regions += [
            _region(before, before_us, after_us, _wide(before).joined(_wide(after)), size)
            for (before_us, before), (after_us, after) in pairwise(run)
        ]
        regions.append(_region(last, last_us, last_us + beside_us, _beside(run[::-1], beside_us), size))
    return regions


def _wide(shape: Shape) -> Box:
    return part(shape).wider(*WIDER[shape.kind])


def _beside(run: list[tuple[int, Shape]], beside_us: int) -> Box:
    """Around the end of a track that `run` begins with, and where it came from, or went on to, if it moved as beside it."""
    end_us, end = run[0]
    next_us, near = [one for one in run if abs(one[0] - end_us) <= BESIDE_US][-1]
    wider = WIDER_BESIDE * beside_us / BESIDE_US
    box = _wide(end).wider(wider, wider, MOST_WIDER_PX)
    if end_us == next_us:
        return box
    share = min(MOST_ON, beside_us / abs(end_us - next_us))
    here, there = part(end), part(near)
    across = (here.left + here.right - there.left - there.right) / 2 * share
    down = (here.top + here.bottom - there.top - there.bottom) / 2 * share
    return box.joined(Box(box.left + across, box.top + down, box.right + across, box.bottom + down))


def _region(shape: Shape, from_us: int, until_us: int, box: Box, size: tuple[int, int]) -> CoveredRegion:
    """Edges go outwards to even pixels, as colour is coded two by two: what is beside shows nothing of what is inside."""
    return CoveredRegion(
        region_id=shape.track, kind=shape.kind, from_us=max(0, from_us), until_us=until_us,
        left=_down(box.left), top=_down(box.top), right=_up(box.right, size[0]), bottom=_up(box.bottom, size[1]),
    )  # fmt: skip


def _added(edit: Added, size: tuple[int, int]) -> CoveredRegion:
    return CoveredRegion(
        region_id=edit.edit_id, kind=CoverKind.ADDED, from_us=max(0, edit.from_us), until_us=edit.until_us,
        left=_down(edit.left), top=_down(edit.top), right=_up(edit.right, size[0]), bottom=_up(edit.bottom, size[1]),
    )  # fmt: skip


def _with_time(region: CoveredRegion, from_us: int, until_us: int) -> CoveredRegion:
    return CoveredRegion(
        region_id=region.region_id, kind=region.kind, from_us=from_us, until_us=until_us,
        left=region.left, top=region.top, right=region.right, bottom=region.bottom,
    )  # fmt: skip


def _down(value: float) -> int:
    return max(0, int(value // 2) * 2)


def _up(value: float, most: int) -> int:
    return max(0, min(most, int(-(-value // 2)) * 2))
