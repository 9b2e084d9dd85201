"""What tracking is worth and costs: places inside their ellipse, follows kept, processor time of a look, what the detector finds.

    python -m benchmarks tracking

Baseline of a look: the bare detector on the same pictures, one thread. The worlds are those of the tests; clips are read where
the checkout has shared/data beside it. Ground truth from the air is not to be had here, so recall is measured on the clips' own
shapes as if seen from further away.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tests.unit.tracking_hover import GROUND_M, Hover, counted
from tests.unit.tracking_live import followed
from tests.unit.tracking_street import Drone, crowd, occlusion_run, relay_run
from tests.unit.tracking_world import simulated_looks

from bowstreet.frames import DroneFrame, Pixels
from bowstreet.tracking import detector, wire
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import Box, Shape
from bowstreet.tracking.ports import Detector

LOOKS, RUNS, FIRST_SEED = 10_000, 100, 5_000
CLIPS = {"car-detection": Shape.VEHICLE, "one-by-one-person-detection": Shape.PERSON}
PICTURES = 80
MOVER_STREETS, MOVER_LOOKS = 5, 150
FOLLOWED_STREETS, FOLLOWED_LOOKS = 8, 100
START = datetime(2026, 11, 27, tzinfo=UTC)


def _clip(name: str) -> list[Pixels]:
    path = next(
        (folder / "shared/data" / f"{name}.mp4" for folder in Path(__file__).parents if (folder / "shared/data").exists()), None
    )
    if path is None or not path.exists():
        return []
    video = cv2.VideoCapture(str(path))
    every = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)) // PICTURES)
    pictures = []
    for number in range(PICTURES):
        video.set(cv2.CAP_PROP_POS_FRAMES, number * every)
        read, picture = video.read()
        if read:
            pictures.append(np.ascontiguousarray(picture[:, :, ::-1]))
    return pictures


def _from_further(picture: Pixels, times: int) -> Pixels:
    """The same scene as small as from so many times as far, in the middle of a picture of the same size."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // times, height // times), interpolation=cv2.INTER_AREA)
    out = np.full_like(picture, 110)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def _recall(shipped: Detector, looking: Detector, pictures: list[Pixels], shape: Shape, times: int) -> float | None:
    """Of what is found up close, the share that is found from further away."""
    found = wanted = 0
    for picture in pictures:
        height, width = picture.shape[:2]
        truth = [one.box for one in shipped.detect(picture) if one.shape is shape and one.score > 0.5]
        if not truth:
            continue
        seen = [one.box for one in looking.detect(_from_further(picture, times)) if one.shape is shape]
        for box in truth:
            inset_x, inset_y = (width - width // times) / 2, (height - height // times) / 2
            far = Box(
                left=inset_x + box.left / times, top=inset_y + box.top / times, width=box.width / times, height=box.height / times
            )
            wanted += 1
            found += any(far.overlap(other) > 0.3 for other in seen)
    return found / wanted if wanted else None


def _costs(pictures: list[Pixels]) -> dict[str, float]:
    """Processor milliseconds of a look at 1280 × 720, beside the bare detector on the same pictures."""
    lookout, bare = Lookout(), detector.shipped()
    large = [cv2.resize(picture, (1280, 720)) for picture in pictures]
    bare.detect(large[0])
    part = detector.around(640.0, 360.0, 200.0, 1280, 720)
    took: dict[str, list[float]] = {name: [] for name in ("motion", "detect", "track", "look", "bare_detector", "closer_part")}
    for number, picture in enumerate(large):
        at = START + timedelta(seconds=number / 5)
        frame = DroneFrame(source_id="s", vehicle_id="v", sequence=number, captured_at=at, pixels=picture)
        began = time.thread_time_ns()
        told = lookout.look(frame)
        looked = time.thread_time_ns()
        bare.detect(picture)
        detected = time.thread_time_ns()
        detector.look_closer(bare, picture, [part])
        took["closer_part"].append((time.thread_time_ns() - detected) / 1e6)
        took["bare_detector"].append((detected - looked) / 1e6)
        took["look"].append((looked - began) / 1e6)
        assert told is not None
        timing = wire.read_findings(told).timing
        for name in ("motion", "detect", "track"):
            took[name].append(getattr(timing, f"{name}_ms"))
    figures = {f"{name}_mean_ms": float(np.mean(values[2:])) for name, values in took.items()}
    return figures | {"look_p95_ms": float(np.percentile(took["look"][2:], 95))}


def _follow_costs() -> dict[str, float]:
    """Of the tracks and the follow among eight shapes, without a detector."""
    street, subject = crowd(np.random.default_rng(1), Shape.PERSON, (4.0, 6.0), 8)
    drone, track, follow = Drone(street, 2, (50.0, 40.0), 60.0, subject.at), [], []
    for _ in range(60):
        street.advance()
        found = drone.look(*([drone.click(subject)] if drone.sequence == 6 else []))
        if found.follow is not None:
            track.append(found.timing.track_ms)
            follow.append(found.timing.follow_ms)
    return {"track_mean_ms": float(np.mean(track)), "follow_mean_ms": float(np.mean(follow))}


def run() -> dict[str, Any]:
    cv2.setNumThreads(1)
    inside, located, refused = simulated_looks(LOOKS, FIRST_SEED)
    results: dict[str, Any] = {
        "places": {"looks": LOOKS, "inside_95_ellipse": inside / located, "refused": refused},
        "three_seconds_hidden": _ends(occlusion_run),
        "relay": _ends(relay_run),
        "told_by_movement": _movers(),
        "followed_by_movement_alone": _followed(),
    }
    clips = {name: pictures for name in CLIPS if (pictures := _clip(name))}
    if not clips:
        return results | {"clips": "shared/data is not here"}
    shipped = detector.shipped()
    tiled = detector.TiledDetector(shipped, 3)
    for name, pictures in clips.items():
        shape = CLIPS[name]
        results[name] = {
            f"recall_{label}_{times}_times_as_far": _recall(shipped, looking, pictures, shape, times)
            for times in (2, 4)
            for label, looking in (("whole", shipped), ("tiled_3x3", tiled))
        }
    pictures = [picture for pictures in clips.values() for picture in pictures]
    results["look_1280x720"] = _costs(pictures)
    results["among_eight_shapes"] = _follow_costs()
    return results


def _followed() -> dict[str, float]:
    """Of the looks in which whom the camera turns after could be seen, those that held them: 80 m up, 60 degrees, H.264."""
    shares = {}
    for shape in Shape:
        runs = [followed(FIRST_SEED + number, shape, FOLLOWED_LOOKS) for number in range(FOLLOWED_STREETS)]
        held, seen = sum(one for one, _ in runs), sum(one for _, one in runs)
        shares |= {f"{shape}_looks": seen, f"{shape}_share": round(held / max(1, seen), 3)}
    return shares


def _movers() -> dict[str, float]:
    """From a hover at 80 m, 60 degrees wide, on streets of seeds that nothing was tuned on; and the same look without movers."""
    told = [counted(Hover(FIRST_SEED + number), MOVER_LOOKS) for number in range(MOVER_STREETS)]
    hovers = {switched: Hover(FIRST_SEED) for switched in (True, False)}
    hovers[False].look(wire.Setup(ground_m_amsl=GROUND_M, movement=False))
    costs = {switched: [hover.look()[0].timing.detect_ms for _ in range(50)] for switched, hover in hovers.items()}
    return {
        "persons_told": sum(one.persons_told for one in told) / sum(one.persons for one in told),
        "vehicles_told": sum(one.vehicles_told for one in told) / sum(one.vehicles for one in told),
        "false_a_look": sum(one.false for one in told) / sum(one.looks for one in told),
        "a_look_mean_ms": float(np.mean(costs[True][20:]) - np.mean(costs[False][20:])),
    }


def _ends(play: Any) -> dict[str, float]:
    ends = Counter(play(seed) for seed in range(FIRST_SEED, FIRST_SEED + RUNS))
    return {"runs": RUNS} | {end: count / RUNS for end, count in ends.items()}
