"""Faces a second beside dlib on the same frames and core, a search of a long list, how much of an evaluation is the model's.

    python -m benchmarks faces

dlib is the baseline because `face_recognition`, which calls it, is what most open programs use. It is called here as that
package calls it: HOG detector with the picture doubled, five points, ResNet. It is no dependency of anything: where it is
missing, the line below says how to have it. Both look at one frame in turn, so that a busy machine is as busy for either.
People are `openpeople`, wholly synthetic.
"""

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tests.unit import face_pictures

from benchmarks import _portraits
from bowstreet.frames import Pixels
from bowstreet.recognition.evaluation.run import Options
from bowstreet.recognition.evaluation.service import evaluate
from bowstreet.recognition.match import Gallery
from bowstreet.recognition.models import align, shipped
from bowstreet.recognition.models.onnx import plain
from bowstreet.recognition.models.runtime import read_file
from bowstreet.recognition.reference import Reference
from bowstreet.recognition.template import DIMENSIONS, Template

FRAMES, PEOPLE_A_FRAME = 12, 4
LISTED, IMAGES_EACH, SEARCHES = 20_000, 3, 200
VARIANTS = 4
MISSING = "for the baseline: .venv/bin/pip install dlib-bin face_recognition_models"


def _frames() -> list[Pixels]:
    """1280 × 720, four people side by side in each, at different sizes."""
    frames = []
    for number in range(FRAMES):
        frame = np.full((720, 1280, 3), 120, np.uint8)
        for place in range(PEOPLE_A_FRAME):
            person = 1 + (number + place * 3) % 10
            picture = face_pictures.small(
                face_pictures.PEOPLE / f"P{person:03}" / "assets" / "studio_posture.jpg", 1_100 + 150 * place
            )
            left = place * 320
            part = picture[:720, max(0, picture.shape[1] // 2 - 160) : picture.shape[1] // 2 + 160]
            frame[: part.shape[0], left : left + part.shape[1]] = part
        frames.append(frame)
    return frames


def _rates(frames: list[Pixels], lookers: dict[str, Callable[[Pixels], int]]) -> dict[str, dict[str, float]]:
    """One thread each, a frame in turn."""
    faces, wall, cpu = (dict.fromkeys(lookers, 0.0) for _ in range(3))
    for look in lookers.values():
        look(frames[0])
    for frame in frames:
        for name, look in lookers.items():
            began, spent = time.perf_counter(), time.process_time()
            faces[name] += look(frame)
            wall[name] += time.perf_counter() - began
            cpu[name] += time.process_time() - spent
    return {
        name: {
            "faces": faces[name], "faces_per_s": faces[name] / wall[name], "cpu_ms_a_face": cpu[name] / faces[name] * 1e3,
            "ms_a_frame": wall[name] / len(frames) * 1e3,
        }
        for name in lookers
    }  # fmt: skip


def _ours() -> Callable[[Pixels], int]:
    models = shipped.load(shipped.find())

    def look(frame: Pixels) -> int:
        faces = models.detector.detect(frame)
        for face in faces:
            with models.embedder.embed(align.aligned(frame, face.points)):
                pass
        return len(faces)

    return look


def _dlib() -> Callable[[Pixels], int] | None:
    if importlib.util.find_spec("dlib") is None or (found := importlib.util.find_spec("face_recognition_models")) is None:
        return None
    import dlib  # type: ignore[import-not-found,unused-ignore]

    folder = Path(str(found.origin)).parent / "models"
    detector = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def look(frame: Pixels) -> int:
        faces = detector(frame, 1)
        for face in faces:
            network.compute_face_descriptor(frame, points(frame, face), 1)
        return len(faces)

    return look


def _runtimes() -> dict[str, Any]:
    """A face embedded on one thread, by each runtime that is here."""
    files = shipped.find()
    data = read_file(files.folders, files.embedder.file)
    cut = np.random.default_rng(1).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    embedder = shipped.SFace(files.embedder, data)

    def timed(run: Callable[[], Any]) -> float:
        run()
        times = []
        for _ in range(60):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        return float(np.median(times)) * 1e3

    found: dict[str, Any] = {"openvino_ms": timed(lambda: embedder.embed(cut).overwrite())}
    if importlib.util.find_spec("onnxruntime") is None:
        return found | {"onnxruntime_ms": "not installed"}
    import onnxruntime  # type: ignore[import-not-found,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(plain(data), options, providers=["CPUExecutionProvider"])
    name, fed = session.get_inputs()[0].name, np.ascontiguousarray(cut.transpose(2, 0, 1)[None]).astype(np.float32)
    return found | {"onnxruntime_ms": timed(lambda: session.run(None, {name: fed}))}


def _search() -> dict[str, float]:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(LISTED * IMAGES_EACH, DIMENSIONS)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    gallery = Gallery(
        [Reference(person_id=f"p{place // IMAGES_EACH:05}", vector=row.tobytes()) for place, row in enumerate(vectors)],
        threshold_floor=0.4,
    )
    times, found = [], 0
    for place in range(SEARCHES):
        with Template(vectors[place] + random.normal(size=DIMENSIONS).astype(np.float32) * 0.04) as template:
            began = time.perf_counter()
            found += len(gallery.search(template, 0.5))
            times.append(time.perf_counter() - began)
    return {
        "people": LISTED, "images": LISTED * IMAGES_EACH, "found": found, "p50_ms": float(np.percentile(times, 50)) * 1e3,
        "p95_ms": float(np.percentile(times, 95)) * 1e3,
    }  # fmt: skip


def _evaluation() -> dict[str, Any]:
    """Pictures of the size of LFW's, as many as keep this short; the share does not hang on how many once models are loaded."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _portraits.write(root, VARIANTS)
        options = Options(listed=root / "list", probes=root / "probes", nonlisted=root / "nonlisted")
        figures = evaluate(options, datetime.now(UTC)).figures
    return {name: figures[name] for name in ("pictures", "pictures_per_s", "inference_share_of_time", "time_s", "latency_ms")}


def run() -> dict[str, Any]:
    frames, baseline = _frames(), _dlib()
    found: dict[str, Any] = {"frames": {"count": len(frames), "size": "1280x720"}, "dlib": MISSING}
    found |= _rates(frames, {"ours": _ours()} | ({} if baseline is None else {"dlib": baseline}))
    if baseline is None:
        print(MISSING, file=sys.stderr)
    else:
        found["times_dlib"] = found["ours"]["faces_per_s"] / found["dlib"]["faces_per_s"]
        found["times_dlib_by_cpu"] = found["dlib"]["cpu_ms_a_face"] / found["ours"]["cpu_ms_a_face"]
    return found | {"embedding": _runtimes(), "search": _search(), "evaluation": _evaluation()}
