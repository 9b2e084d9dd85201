"""Cards that are refused, outputs of three kinds read, tiles that cover, and the detector that ships on real pictures."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.errors import MalformedConfiguration, Refused
from bowstreet.frames import Pixels
from bowstreet.runtime.inference import openvino
from bowstreet.tracking import detector
from bowstreet.tracking.card import Card, parse_card, verify
from bowstreet.tracking.model import Box, Detection, Shape
from bowstreet.tracking.reading import Reader, anchors

# Real clips, where the checkout has them beside it.
CLIPS = next((folder / "shared/data" for folder in Path(__file__).parents if (folder / "shared/data").exists()), Path("none"))
SHIPPED = detector.SHIPPED_CARD.read_bytes()
needs_weights = pytest.mark.skipif(
    not (detector.SHIPPED_MODELS / "ssd_mobilenetv2_oidv4_fp16.tflite").exists(), reason="make models fetches the detector"
)


def _card(**changes: object) -> bytes:
    values: dict[str, object] = {
        "name": "x", "file": "x.onnx", "sha256": "0" * 64, "licence": "MIT", "source": "own", "limits": "none known", "output": "rows",
        "width_px": 96, "height_px": 64, "layout": "nchw", "scale": 1.0, "least_score": 0.3, "classes": ["person", "bus", "cat"],
        "shapes": {"person": "person", "bus": "vehicle"},
    } | changes  # fmt: skip
    rows = []
    for key, value in values.items():
        if isinstance(value, dict):
            text = "{" + ", ".join(f'"{k}" = "{v}"' for k, v in value.items()) + "}"
        else:
            text = repr(value).replace("'", '"')
        rows.append(f"{key} = {text}")
    return "\n".join(rows).encode()


def test_a_good_card_is_read() -> None:
    assert parse_card(_card()).shapes == {"person": Shape.PERSON, "bus": Shape.VEHICLE}
    assert parse_card(SHIPPED).licence == "Apache-2.0"


@pytest.mark.parametrize(
    "name", ["face", "Human face", "human_head", "woman", "age 20-30", "license-face", "ethnic group", "smiling", "FACE", "faces"]
)
def test_faces_and_attributes_are_refused_mapped_or_not(name: str) -> None:
    with pytest.raises(Refused, match="as shapes"):
        parse_card(_card(classes=["person", "bus", "cat", name]))


@pytest.mark.parametrize("name", ["hair drier", "teddy bear", "cabbage", "garage", "manhole", "potted plant", "racket"])
def test_things_are_no_faces(name: str) -> None:
    assert name in parse_card(_card(classes=["person", "bus", name])).classes


@pytest.mark.parametrize(
    "changes",
    [
        {"shapes": {"person": "face"}}, {"shapes": {"dog": "person"}}, {"shapes": {}}, {"sha256": "x"}, {"file": "../../etc/passwd"},
        {"width_px": 1_000_000}, {"least_score": 0.0}, {"output": "other"}, {"unknown": 1}, {"classes": []},
    ],
)  # fmt: skip
def test_cards_that_cannot_be_used(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedConfiguration):
        parse_card(_card(**changes))


@pytest.mark.parametrize("licence", ["AGPL-3.0", "CC BY-NC 4.0", "research, non-commercial"])
def test_licences_that_do_not_allow_it(licence: str) -> None:
    with pytest.raises(Refused, match="licence"):
        parse_card(_card(licence=licence))


def test_another_file_is_refused() -> None:
    card = parse_card(_card(sha256=hashlib.sha256(b"model").hexdigest()))
    verify(card, b"model")
    with pytest.raises(Refused, match="not the one on its card"):
        verify(card, b"model!")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MalformedConfiguration, match="make models"):
        detector.from_card(detector.SHIPPED_CARD, tmp_path)


def test_rows_are_read_either_way_up() -> None:
    reader = Reader(parse_card(_card()))
    rows = np.array(
        [[48, 32, 24, 16, 0.9, 0.1, 0.0], [10, 10, 6, 6, 0.1, 0.2, 0.95], [80, 50, 10, 10, 0.0, 0.8, 0.0]], np.float32
    )
    for output in (rows[None], rows.T[None]):
        found = reader.read([output], 960, 640)
        assert [(one.shape, round(one.score, 2)) for one in found] == [(Shape.PERSON, 0.9), (Shape.VEHICLE, 0.8)]
        box = found[0].box
        assert (box.left, box.top, box.width, box.height) == pytest.approx((360, 240, 240, 160))


def test_what_is_no_shape_never_leaves_the_adapter() -> None:
    """A cat with a person's faint score beside it is a faint person, not a cat, and not told."""
    reader = Reader(parse_card(_card()))
    assert reader.read([np.array([[[48, 32, 24, 16, 0.05, 0.02, 0.99]]], np.float32)], 96, 64) == []


def test_queries_are_read_whichever_output_comes_first() -> None:
    reader = Reader(parse_card(_card(output="queries")))
    boxes, logits = np.array([[[0.5, 0.5, 0.2, 0.4]]], np.float32), np.array([[[-4.0, 2.0, 5.0]]], np.float32)
    for outputs in ([boxes, logits], [logits, boxes]):
        (found,) = reader.read(outputs, 100, 100)
        assert found.shape is Shape.VEHICLE
        assert found.box == Box(left=pytest.approx(40), top=pytest.approx(30), width=pytest.approx(20), height=pytest.approx(40))


@given(data=st.lists(st.lists(st.floats(allow_nan=True, width=32), min_size=7, max_size=7), min_size=1, max_size=30))
@settings(deadline=None)
def test_whatever_a_model_says_boxes_stay_in_the_picture(data: list[list[float]]) -> None:
    with np.errstate(all="ignore"):
        for one in Reader(parse_card(_card())).read([np.array([data], np.float32)], 640, 480):
            assert one.box.left >= 0
            assert one.box.top >= 0
            assert one.box.left + one.box.width <= 640.01
            assert one.box.top + one.box.height <= 480.01


def test_there_are_as_many_anchors_as_the_model_has_boxes() -> None:
    assert anchors(300, 300).shape == (1917, 4)


@given(width=st.integers(200, 4096), height=st.integers(200, 2304), across=st.integers(1, 5))
def test_tiles_cover_the_picture(width: int, height: int, across: int) -> None:
    parts = detector.tiles(width, height, across)
    assert len(parts) == across * across
    for x in (0.0, 1.0, width / 3, width / 2, width - 1.0):
        for y in (0.0, height / 4, height / 2, height - 1.0):
            assert any(part.holds(x, y) for part in parts)
    assert all(part.left + part.width <= width + 1e-6 and part.top + part.height <= height + 1e-6 for part in parts)


class _Bright:
    """A detector that finds the one bright rectangle, wherever it is."""

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        rows, columns = np.nonzero(pixels[:, :, 0] > 200)
        if rows.size == 0:
            return []
        box = Box(
            left=float(columns.min()), top=float(rows.min()), width=float(np.ptp(columns) + 1), height=float(np.ptp(rows) + 1)
        )
        return [Detection(box=box, shape=Shape.PERSON, score=0.9)]


@given(left=st.integers(0, 600), top=st.integers(0, 320))
@settings(max_examples=30, deadline=None)
def test_looking_closer_gives_the_place_in_the_whole_and_no_halves(left: int, top: int) -> None:
    pixels = np.zeros((360, 640, 3), np.uint8)
    pixels[top : top + 30, left : left + 20] = 255
    wide, high = min(20, 640 - left), min(30, 360 - top)
    for one in detector.look_closer(_Bright(), pixels, detector.tiles(640, 360, 3)):
        assert (one.box.left, one.box.top, one.box.width, one.box.height) == (left, top, wide, high)
    merged = detector.TiledDetector(_Bright(), 3).detect(pixels)
    assert len(merged) == 1


def test_an_operators_own_onnx_model_runs_by_its_card(tmp_path: Path) -> None:
    """A real graph, made here: it says a person stands in the middle when the picture is bright."""
    runtime = openvino()
    ops = runtime.opset13
    fed = ops.parameter([1, 3, 64, 96], np.float32, name="picture")
    mean = ops.reduce_mean(fed, ops.constant(np.array([1, 2, 3])), keep_dims=True)
    score = ops.reshape(mean, ops.constant(np.array([1, 1, 1])), special_zero=False)
    row = ops.constant(np.array([[[48, 32, 20, 40]]], np.float32))
    rest = ops.constant(np.zeros((1, 1, 2), np.float32))
    runtime.save_model(runtime.Model([ops.concat([row, score, rest], axis=2)], [fed]), str(tmp_path / "own.xml"))
    digest = hashlib.sha256((tmp_path / "own.xml").read_bytes()).hexdigest()
    (tmp_path / "own.toml").write_bytes(_card(file="own.xml", sha256=digest, scale=1 / 255))
    own = detector.from_card(tmp_path / "own.toml", tmp_path)
    assert own.detect(np.zeros((128, 192, 3), np.uint8)) == []
    (found,) = own.detect(np.full((128, 192, 3), 255, np.uint8))
    assert (found.box.left, found.box.top, found.box.width, found.box.height) == pytest.approx((76, 24, 40, 80))
    (tmp_path / "wrong.toml").write_bytes(_card(file="own.xml", sha256=digest, width_px=128))
    with pytest.raises(MalformedConfiguration, match="its card says"):
        detector.from_card(tmp_path / "wrong.toml", tmp_path)


def _picture(clip: str, number: int) -> Pixels:
    path = CLIPS / clip
    if not path.exists():
        pytest.skip("the clip is not here")
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    _, picture = video.read()
    return np.ascontiguousarray(picture[:, :, ::-1])


@needs_weights
def test_the_shipped_detector_finds_a_person_and_cars_on_real_pictures() -> None:
    shipped = detector.shipped()
    (person,) = [one for one in shipped.detect(_picture("one-by-one-person-detection.mp4", 557)) if one.shape is Shape.PERSON]
    assert person.box.overlap(Box(left=385, top=0, width=175, height=374)) > 0.7
    cars = [one for one in shipped.detect(_picture("car-detection.mp4", 200)) if one.shape is Shape.VEHICLE]
    assert len(cars) == 2


@needs_weights
def test_the_shipped_file_is_the_one_on_its_card() -> None:
    card: Card = parse_card(SHIPPED)
    verify(card, (detector.SHIPPED_MODELS / card.file).read_bytes())
