"""A process that looks at photographs: decodes, finds the subject's face, measures it, makes a reference. Run by `pool`.

Bytes from outside are decoded here and nowhere else. The process may do little: it writes no file, has bounded memory, and a
crash of it is one picture that could not be used.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import cv2
from msgspec.structs import replace

from bowstreet.errors import BadInput, BowstreetError
from bowstreet.recognition.evaluation.examiner.decode import Picture, decode
from bowstreet.recognition.evaluation.examiner.model import CannotWork, Examine, Examined, Hello, Ready, Reason, Spent, ToWorker
from bowstreet.recognition.evaluation.examiner.pipe import hear, send
from bowstreet.recognition.models import align, shipped
from bowstreet.recognition.models.model import Face
from bowstreet.recognition.models.quality import measure
from bowstreet.recognition.reference import keep
from bowstreet.runtime.confinement import limit

# Read ahead while a picture is looked at, so that the models never wait for a file.
READ_AHEAD = 3


def subject(faces: Sequence[Face], width_px: int, height_px: int) -> Face:
    """Whose picture it is: large, and in the middle. People in the background are smaller or aside."""

    def stands_out(face: Face) -> float:
        aside = face.left + face.width / 2 - width_px / 2, face.top + face.height / 2 - height_px / 2
        return face.width * face.height - 2.0 * (aside[0] ** 2 + aside[1] ** 2)

    return max(faces, key=stands_out)


def examine(models: shipped.FaceModels, asked: Examine) -> Examined:
    began = time.perf_counter()
    picture = decode(asked.data)
    decoded = time.perf_counter() - began
    if isinstance(picture, Reason):
        return Examined(number=asked.number, reason=picture, spent=Spent(decode_s=decoded, total_s=decoded))
    before = models.detector.inference_s, models.embedder.inference_s
    found = _look(models, picture, asked.number)
    spent = Spent(
        decode_s=decoded, detect_s=models.detector.inference_s - before[0], embed_s=models.embedder.inference_s - before[1],
        total_s=time.perf_counter() - began,
    )  # fmt: skip
    height, width = picture.pixels.shape[:2]
    return Examined(
        number=asked.number, reason=found.reason, faces=found.faces, quality=found.quality, vector=found.vector,
        width_px=round(width * picture.reduced), height_px=round(height * picture.reduced), spent=spent,
    )  # fmt: skip


def _look(models: shipped.FaceModels, picture: Picture, number: int) -> Examined:
    pixels = picture.pixels
    faces = models.detector.detect_in_still(pixels)
    if not faces:
        return Examined(number=number, reason=Reason.NO_FACE)
    face = subject(faces, pixels.shape[1], pixels.shape[0])
    cut = align.aligned(pixels, face.points)
    quality = measure(cut, face)
    # Of the picture as it was given, however it was made smaller.
    quality = replace(quality, eyes_px=quality.eyes_px * picture.reduced)
    try:
        with models.embedder.embed(cut) as template:
            vector = keep("", template).vector
    except BadInput:
        return Examined(number=number, reason=Reason.NO_TEMPLATE, faces=len(faces), quality=quality)
    return Examined(number=number, faces=len(faces), quality=quality, vector=vector)


def _read_ahead(stream: IO[bytes], waiting: "queue.Queue[ToWorker | None]") -> None:
    try:
        while (message := hear(stream)) is not None:
            waiting.put(message)
    finally:
        waiting.put(None)


def main() -> int:
    # What a library prints must not get between the answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit()
    cv2.setNumThreads(1)
    waiting: queue.Queue[ToWorker | None] = queue.Queue(READ_AHEAD)
    threading.Thread(target=_read_ahead, args=(sys.stdin.buffer, waiting), daemon=True).start()
    hello = waiting.get()
    if not isinstance(hello, Hello):
        return 2
    began = time.perf_counter()
    try:
        models = shipped.load(shipped.find(Path(hello.model_folder) if hello.model_folder else None))
    except BowstreetError as error:
        send(out, CannotWork(message=error.message[:2_000], remedy=error.remedy[:2_000]))
        return 1
    send(out, Ready(loading_s=time.perf_counter() - began))
    while isinstance(asked := waiting.get(), Examine):
        send(out, examine(models, asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
