"""Looks at one camera's pictures, inside its worker: find, follow, describe, compare, and overwrite.

What leaves is a `Report`. Templates, aligned faces and scores under the threshold stay here, overwritten as soon as used.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from bowstreet.frames import CameraFrame
from bowstreet.recognition.cameras import blur, rules, wire
from bowstreet.recognition.cameras.model import Lease, Report, Seen, SeenLook
from bowstreet.recognition.cameras.passes import Pass, Passes
from bowstreet.recognition.models import shipped
from bowstreet.recognition.models.align import aligned
from bowstreet.recognition.models.model import Face
from bowstreet.recognition.models.quality import measure
from bowstreet.recognition.shared_list import SharedList

# The longest side of what faces are looked for in. A face of 20 pixels between the eyes in a picture of 1280 has ten here, as
# what the detector was made for; looking at all pixels costs four times as much and finds faces too small to describe.
LONGEST_PX = 640
# A runtime keeps what it computed last between the layers of a model: overwritten when a camera has been quiet for so long.
FORGET_AFTER_S = 2.0


class Watch:
    """One camera.

    Args:
        options: a `Setup`, as `wire.setup_text` writes it.

    Raises:
        MalformedConfiguration, Refused: the models cannot be used.
    """

    def __init__(self, options: str) -> None:
        setup = wire.read_setup(options)
        cv2.setNumThreads(1)
        self._models = shipped.load(shipped.find(Path(setup.models) if setup.models else None))
        self._list = SharedList.opened(setup.descriptor)
        self._lease: Lease | None = None
        self._passes = Passes()
        self._view_due_s = 0.0
        self._described_at_s = 0.0

    def order(self, data: bytes) -> None:
        self._lease = wire.read_lease(data)

    def rest(self) -> None:
        """No picture comes: what is held of the last face goes when its time is over."""
        self._quiet()

    def look(self, frame: CameraFrame) -> bytes | None:
        """What is to be told of a picture, if anything."""
        now_us = time.time_ns() // 1_000
        lease = self._lease
        if lease is None or not rules.may_look(lease, int(frame.captured_at.timestamp() * 1e6), now_us):
            self._passes.forget()
            self._quiet(at_once=True)
            return wire.written(Report(refused=1))
        faces = self._models.detector.detect(frame.pixels, LONGEST_PX)
        here, over, new = self._passes.update(faces)
        for one in here:
            self._describe(one, frame, faces, lease.threshold)
        told = [
            seen
            for one, is_over in [*((one, False) for one in here), *((one, True) for one in over)]
            if (seen := self._told(one, lease.threshold, over=is_over)) is not None
        ]
        self._quiet()
        report = Report(new_faces=new, seen=tuple(told), view=self._view(frame, lease))
        return None if report.says_nothing else wire.written(report)

    def _describe(self, one: Pass, frame: CameraFrame, faces: Sequence[Face], threshold: float) -> None:
        """Describe and compare a face if it is worth while; what stays under the threshold leaves no trace (R7)."""
        if one.told or one.face.eyes_px < rules.LEAST_EYES_PX:
            return
        crop = aligned(frame.pixels, one.face.points)
        try:
            quality = measure(crop, one.face)
            one.waited += 1
            if not rules.describes_now(
                eyes_px=one.face.eyes_px, unified=quality.unified, best_described=one.best_described,
                described=one.described, matched=bool(one.looks), waited=one.waited,
            ):  # fmt: skip
                return
            one.described += 1
            one.best_described = max(one.best_described, quality.unified)
            self._described_at_s = time.monotonic()
            with self._models.embedder.embed(crop) as template:
                alike = self._list.gallery.search(template, threshold)
            if alike:
                at_us = int(frame.captured_at.timestamp() * 1e6)
                best = alike[0]
                look = SeenLook(at_us=at_us, person_id=best.person_id, score=best.score, quality=quality.unified / 100.0)
                if all(look.score > other.score for other in one.looks):
                    one.probe = blur.probe(frame.pixels, one.face, faces)
                one.looks.append(look)
        finally:
            crop.fill(0)

    @staticmethod
    def _told(one: Pass, threshold: float, *, over: bool) -> Seen | None:
        if one.told or not rules.is_told(one.looks, threshold, over=over):
            return None
        one.told = True
        return Seen(track_id=one.track_id, looks=tuple(one.looks), probe=one.probe)

    def _view(self, frame: CameraFrame, lease: Lease) -> bytes:
        now_s = time.monotonic()
        if lease.view_hz <= 0.0 or now_s < self._view_due_s:
            return b""
        self._view_due_s = now_s + 1.0 / lease.view_hz
        at_us = int(frame.captured_at.timestamp() * 1e6)
        hidden = [one.face for one in self._passes.known() if not (one.told and rules.is_shown(one.looks, at_us))]
        return blur.view(frame.pixels, hidden)

    def _quiet(self, *, at_once: bool = False) -> None:
        """Overwrite what the model's runtime still holds of the last face."""
        if self._described_at_s and (at_once or time.monotonic() - self._described_at_s > FORGET_AFTER_S):
            self._models.embedder.forget()
            self._described_at_s = 0.0
