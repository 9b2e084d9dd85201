"""People and vehicles are shapes: nothing that looks for a face, describes one or compares one is within reach of
`tracking`, nor of redaction, which covers heads by outlines."""

import ast
import re
from pathlib import Path

import pytest

import bowstreet
from bowstreet.tracking import detector
from bowstreet.tracking.card import parse_card
from bowstreet.tracking.model import Shape

TRACKING = Path(bowstreet.__file__).parent / "tracking"
REDACTION = TRACKING.parent / "video" / "redaction"
FILES = sorted([*TRACKING.rglob("*.py"), *REDACTION.rglob("*.py")])
# OpenCV's face parts, cascades, and the libraries of the field.
FACES = re.compile(
    r"FaceDetector|FaceRecognizer|CascadeClassifier|haarcascade|\bfacemark|yunet|sface|arcface|facenet|insightface|face_recognition"
    r"|dlib|mtcnn|retinaface|deepface|face_mesh",
    re.IGNORECASE,
)
FACE_MODULES = {"dlib", "face_recognition", "insightface", "deepface", "mtcnn", "retinaface", "verifyface", "mediapipe"}


def offences(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value and " " not in node.value:
            names = [node.value]  # a file or an attribute by name; prose and the list of refused words have spaces
        for name in names:
            if FACES.search(name) or name.split(".")[0] in FACE_MODULES or name.startswith("bowstreet.recognition"):
                found.add(name)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_face_within_reach(path: Path) -> None:
    assert not offences(path.read_text())


@pytest.mark.parametrize(
    "line",
    [
        "import cv2\ncv2.FaceDetectorYN.create('x', '', (1, 1))", "from cv2 import FaceRecognizerSF", "import dlib",
        "import bowstreet.recognition.match", "from bowstreet import recognition\nimport bowstreet.recognition",
        "load('face_detection_yunet.onnx')", "getattr(cv2, 'CascadeClassifier')",
    ],
)  # fmt: skip
def test_the_search_would_find_it(line: str) -> None:
    assert offences(line)


def test_there_are_two_shapes_and_no_attribute() -> None:
    assert {shape.value for shape in Shape} == {"person", "vehicle"}


def test_every_card_that_ships_maps_to_shapes_alone() -> None:
    cards = list(detector.SHIPPED_CARD.parent.glob("*.toml"))
    assert cards
    for card in cards:
        assert set(parse_card(card.read_bytes()).shapes.values()) <= set(Shape)
