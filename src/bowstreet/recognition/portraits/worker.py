"""Reads images from outside in a process of its own: decodes, finds the one face, measures it, describes it. Run by `reader`.

Bytes of image files are decoded here and nowhere else in this program's enrolment. This process writes no file, opens no
connection, has bounded memory; a crash of it is an image that cannot be used.
"""

import sys
from pathlib import Path
from typing import Any

import cv2
from msgspec.structs import asdict, replace

from bowstreet.errors import BowstreetError
from bowstreet.recognition.evaluation.examiner.decode import decode
from bowstreet.recognition.evaluation.examiner.model import Reason
from bowstreet.recognition.listing import ImageQuality, ReadFace, Unusable
from bowstreet.recognition.models import shipped
from bowstreet.recognition.models.align import aligned
from bowstreet.recognition.models.model import Face
from bowstreet.recognition.models.quality import measure
from bowstreet.recognition.portraits import suitability
from bowstreet.recognition.portraits.wire import LENGTH, Failed, Ready, Said, framed
from bowstreet.recognition.reference import keep
from bowstreet.runtime.confinement import limit

# What is kept of an image: the face with its hair and chin, no larger than a screen shows beside another.
KEPT_SIDE_PX = 480
MARGIN = 0.45
JPEG_QUALITY = 90
_SAYS = {
    Reason.UNSUPPORTED: "it is no picture that is read here (JPEG, PNG or WebP), whatever its name says",
    Reason.TOO_LARGE: "it claims to be larger than any photograph",
    Reason.DAMAGED: "it is damaged, or not as large as it says",
}
# Another face as large as this share of the first makes it a picture of two people.
SECOND_FACE = 0.5


def read_portrait(models: shipped.FaceModels, data: bytes) -> ReadFace | Unusable:
    """Everything about one image, or why it cannot be used."""
    # Turned upright as the file says; nothing else that the file carries (place, time, a preview of something else) is looked at.
    decoded = decode(data)
    if isinstance(decoded, Reason):
        return Unusable(why=_SAYS.get(decoded, "it cannot be read"))
    pixels = decoded.pixels
    faces = models.detector.detect_in_still(pixels)
    if not faces:
        return Unusable(why="no face is found in it")
    face = max(faces, key=lambda one: one.width * one.height)
    if sum(one.width > SECOND_FACE * face.width for one in faces) > 1:
        return Unusable(why="it shows more than one person: give one of a single face")
    upright = aligned(pixels, face.points)
    measured = measure(upright, face)
    # In the picture's own pixels, however it was made smaller while it was decoded.
    quality = ImageQuality(**asdict(replace(measured, eyes_px=measured.eyes_px * decoded.reduced)))
    if why := suitability.unusable(quality):
        return Unusable(why=why)
    with models.embedder.embed(upright) as template:
        vector = keep("", template).vector
    return ReadFace(image=_kept(pixels, face), quality=quality, vector=vector, remarks=tuple(suitability.remarks(quality)))


def _kept(pixels: Any, face: Face) -> bytes:
    """The face and what is round it, as a JPEG of our own."""
    side = max(face.width, face.height) * (0.5 + MARGIN)
    x, y = face.left + face.width / 2, face.top + face.height / 2
    height, width = pixels.shape[:2]
    left, top = max(0, int(x - side)), max(0, int(y - side))
    cut = pixels[top : min(height, int(y + side)), left : min(width, int(x + side))]
    scale = min(1.0, KEPT_SIDE_PX / max(cut.shape[:2]))
    if scale < 1.0:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, coded = cv2.imencode(".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV writes JPEG"
    return bytes(coded)


def main(folder: str = "", model_sha256: str = "") -> int:
    say = sys.stdout.buffer
    cv2.setNumThreads(1)
    try:
        files = shipped.find(Path(folder) if folder else None)
        if model_sha256:
            shipped.require(files, model_sha256)
        models = shipped.load(files)
    except BowstreetError as error:
        say.write(framed(Failed(why=error.message)))
        return 1
    limit()
    say.write(framed(Ready()))
    say.flush()
    while len(head := sys.stdin.buffer.read(LENGTH.size)) == LENGTH.size:
        data = sys.stdin.buffer.read(LENGTH.unpack(head)[0])
        try:
            answer: Said = read_portrait(models, data)
        except (cv2.error, MemoryError, BowstreetError) as error:
            answer = Unusable(why=f"it cannot be read ({type(error).__name__})")
        say.write(framed(answer))
        say.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
