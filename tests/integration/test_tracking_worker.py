"""The worker of a stream, as a process with its limits, loads the analyst and the detector that ships, and tells whom it sees."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

import bowstreet
from bowstreet.tracking import detector, wire
from bowstreet.tracking.model import Shape
from bowstreet.video.model import Finding, Trouble, VideoSource
from bowstreet.video.orders import Order, written
from bowstreet.video.pipe import Unframer

CLIP = next(
    (path for folder in Path(__file__).parents if (path := folder / "shared/data/one-by-one-person-detection.mp4").exists()), None
)
LIMIT_S = 90


@pytest.mark.skipif(CLIP is None, reason="the clip is not here")
@pytest.mark.skipif(
    not (detector.SHIPPED_MODELS / "ssd_mobilenetv2_oidv4_fp16.tflite").exists(), reason="make models fetches the detector"
)
def test_a_real_clip_through_a_real_worker() -> None:
    source = VideoSource(
        source_id="s", address=f"file:{CLIP}", vehicle_id="v", analyst="bowstreet.tracking.analyst:Lookout", analysed_hz=5.0
    )
    environment = os.environ | {"PYTHONPATH": str(Path(bowstreet.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-m", "bowstreet.video.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        watchdog = threading.Timer(LIMIT_S, worker.kill)
        watchdog.start()
        worker.stdin.write(msgspec.json.encode(source) + b"\n")
        worker.stdin.write(written(Order(data=wire.written(wire.Setup(ground_m_amsl=10.0)))))
        worker.stdin.flush()
        unframer, persons, looks, troubles = Unframer(), 0, 0, []
        while persons < 3 and (data := os.read(worker.stdout.fileno(), 65_536)):
            for message in unframer.feed(data):
                if isinstance(message, Trouble):
                    troubles.append(message.text)
                if isinstance(message, Finding):
                    found = wire.read_findings(message.data)
                    looks += 1
                    troubles += [found.trouble] if found.trouble else []
                    persons += any(track.shape is Shape.PERSON for track in found.tracks)
        watchdog.cancel()
        worker.kill()
    assert persons >= 3, f"{looks} looks, {troubles}"
