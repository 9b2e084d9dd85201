"""The models that ship, on wholly synthetic people, beside OpenCV's own reading of the same files; and what a card may not say."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpeople
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import MalformedConfiguration, Refused
from bowstreet.recognition.models import align, onnx, quality, shipped
from bowstreet.recognition.models.card import check_outputs, parse_card
from bowstreet.recognition.models.model import Face

PEOPLE = Path(openpeople.__file__).parent / "data" / "curated"
PICTURES = [
    PEOPLE / f"P{n:03}" / "assets" / f"{kind}.jpg" for n in (1, 4, 7, 10) for kind in ("studio_portrait", "amateur_posture")
]


@pytest.fixture(scope="module")
def models() -> shipped.FaceModels:
    return shipped.load(shipped.find())


@pytest.fixture(scope="module")
def opencv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """OpenCV 5 does not read packed weights: it is given the plain ones, and so holds our unpacking to account too."""
    folder = tmp_path_factory.mktemp("plain")
    files = shipped.find()
    for card in (files.detector, files.embedder):
        (folder / card.file).write_bytes(onnx.plain((shipped.WEIGHTS / card.file).read_bytes()))
    yield (
        cv2.FaceDetectorYN.create(str(folder / files.detector.file), "", (320, 320), files.detector.least_score),
        cv2.FaceRecognizerSF.create(str(folder / files.embedder.file), ""),
    )
    gc.collect()


def small(path: Path, longest: int = 640) -> Any:
    picture = cv2.imread(str(path))
    assert picture is not None
    by = longest / max(picture.shape[:2])
    return np.ascontiguousarray(cv2.resize(picture, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)[:, :, ::-1])


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_faces_points_and_templates_are_those_of_opencv(path: Path, models: shipped.FaceModels, opencv: tuple[Any, Any]) -> None:
    detector, recogniser = opencv
    pixels = small(path)
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    detector.setInputSize((bgr.shape[1], bgr.shape[0]))
    theirs = detector.detect(bgr)[1]
    ours = models.detector.detect(pixels)
    assert len(ours) == len(theirs) >= 1
    np.testing.assert_allclose(ours[0].points.reshape(-1), theirs[0][4:14], atol=0.05)
    np.testing.assert_allclose([ours[0].left, ours[0].top, ours[0].width, ours[0].height], theirs[0][:4], atol=0.05)
    assert ours[0].score == pytest.approx(theirs[0][14], abs=1e-3)

    # The same cut of the face gives the same template; our cut of it gives nearly the same.
    cut = recogniser.alignCrop(bgr, theirs[0])
    feature = recogniser.feature(cut).reshape(-1)
    feature /= np.linalg.norm(feature)
    with models.embedder.embed(np.ascontiguousarray(cut[:, :, ::-1])) as same:
        assert same.lend(lambda numbers: float(numbers @ feature)) > 0.9999
    with models.embedder.embed(align.aligned(pixels, ours[0].points)) as own:
        assert own.lend(lambda numbers: float(numbers @ feature)) > 0.95


def test_a_person_is_most_like_themselves(models: shipped.FaceModels) -> None:
    portraits, others = [], []
    for person in range(1, 11):
        for kind, where in (("studio_portrait", portraits), ("amateur_selfie", others)):
            pixels = small(PEOPLE / f"P{person:03}" / "assets" / f"{kind}.jpg", 1_000)
            face = models.detector.detect_in_still(pixels)[0]
            where.append(models.embedder.embed(align.aligned(pixels, face.points)))
    scores = np.array([[a.similarity(b) for b in portraits] for a in others])
    assert (scores.argmax(axis=1) == np.arange(10)).all()


def test_what_the_runtime_held_is_overwritten(models: shipped.FaceModels) -> None:
    pixels = small(PICTURES[0])
    face = align.aligned(pixels, models.detector.detect(pixels)[0].points)
    with models.embedder.embed(face):
        # The numbers were taken over from the runtime's own memory, and the picture from what it was fed.
        assert not models.embedder._run._request.get_output_tensor(0).data.any()
        assert not models.embedder._fed.any()


def test_every_file_is_the_one_on_its_card() -> None:
    files = shipped.find()
    with pytest.raises(Refused, match="not the one on its card"):
        shipped.YuNet(files.detector, b"another")
    wrong = shipped.EmbedderCard(
        **{**{f: getattr(files.embedder, f) for f in files.embedder.__struct_fields__}, "dimensions": 512}
    )
    with pytest.raises(MalformedConfiguration, match="128"):
        shipped.SFace(wrong, (shipped.WEIGHTS / files.embedder.file).read_bytes())
    # The detector's file under an embedder's card has heads that no template has.
    mixed = shipped.EmbedderCard(
        **{**{f: getattr(files.embedder, f) for f in files.embedder.__struct_fields__}, "sha256": files.detector.sha256}
    )
    with pytest.raises(Refused, match="does not read"):
        shipped.SFace(mixed, (shipped.WEIGHTS / files.detector.file).read_bytes())


@pytest.mark.parametrize("head", ["gender", "age_output", "fc_emotion", "race7", "attribute_head", "smiling"])
def test_a_model_with_an_attribute_head_is_refused(head: str) -> None:
    files = shipped.find()
    for card, names in ((files.embedder, ["fc1"]), (files.detector, sorted(files.detector.OUTPUTS))):
        check_outputs(card, names)
        with pytest.raises(Refused):
            check_outputs(card, [*names, head])


EMBEDDER = (shipped.CARDS / "sface_2021dec.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('licence = "Apache-2.0"', 'licence = "AGPL-3.0"', Refused),
        ('licence = "Apache-2.0"', 'licence = "for non-commercial research"', Refused),
        ('name = "SFace 2021dec', 'name = "Age and gender', Refused),
        ("threshold = 0.5", "threshold = 0.3", MalformedConfiguration),
        ("threshold_floor = 0.4", "threshold_floor = 1.5", MalformedConfiguration),
        ("dimensions = 128", "dimensions = 4", MalformedConfiguration),
        ("dimensions = 128", "dimensions = 128\ngender = true", MalformedConfiguration),
        ('file = "face_', 'file = "../face_', MalformedConfiguration),
        ('role = "embedder"', 'role = "attributes"', MalformedConfiguration),
        ('sha256 = "fb', 'sha256 = "zz', MalformedConfiguration),
    ],
)
def test_what_a_card_may_not_say(old: str, new: str, error: type[Exception]) -> None:
    assert old in EMBEDDER
    parse_card(EMBEDDER.encode())
    with pytest.raises(error):
        parse_card(EMBEDDER.replace(old, new).encode())


def test_the_operators_folder_comes_first_and_changes_the_identity(tmp_path: Path) -> None:
    own = shipped.find(tmp_path)
    assert own.sha256 == shipped.find().sha256, "an empty folder changes nothing"
    (tmp_path / "embedder.toml").write_text(EMBEDDER.replace('precision = "f32"', 'precision = "bf16"'))
    assert shipped.find(tmp_path).sha256 != own.sha256
    file = own.embedder.file
    (tmp_path / file).write_bytes(b"not the model")
    with pytest.raises(Refused, match="not the one on its card"):
        shipped.load(shipped.find(tmp_path))
    (tmp_path / file).unlink()
    (tmp_path / "embedder.toml").write_text(EMBEDDER.replace(file, "missing.onnx"))
    with pytest.raises(MalformedConfiguration, match=r"missing.*make models"):
        shipped.load(shipped.find(tmp_path))


@given(yaw=st.floats(-45, 45), pitch=st.floats(-30, 30), roll=st.floats(-40, 40), size=st.floats(0.2, 8), x=st.floats(0, 2_000))
def test_the_pose_of_a_turned_head_is_found(yaw: float, pitch: float, roll: float, size: float, x: float) -> None:
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = quality.HEAD_MM @ (about_z @ about_x @ about_y).T
    found = quality.pose_deg((turned[:, :2] * size + x).astype(np.float32))
    np.testing.assert_allclose(found, [yaw, pitch, roll], atol=0.5)


@given(turn=st.floats(-180, 180), size=st.floats(0.3, 10), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_alignment_undoes_any_turn_scale_and_shift(turn: float, size: float, x: float, y: float) -> None:
    angle = np.radians(turn)
    matrix = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = align.WANTED @ matrix.T + [x, y]
    back = align.similarity(moved.astype(np.float32))
    np.testing.assert_allclose(moved @ back[:, :2].T + back[:, 2], align.WANTED, atol=0.01)


def measured(aligned: Any) -> Any:
    face = Face(left=0, top=0, width=112, height=112, points=align.WANTED.astype(np.float32), score=0.9)
    return quality.measure(aligned, face)


def test_quality_falls_with_blur_darkness_glare_and_light_from_one_side(models: shipped.FaceModels) -> None:
    pixels = small(PICTURES[0], 1_200)
    cut = align.aligned(pixels, models.detector.detect(pixels)[0].points)
    good = measured(cut)
    blurred = measured(cv2.GaussianBlur(cut, (0, 0), 3))
    dark = measured((cut * 0.08).astype(np.uint8))
    glare = measured(np.clip(cut.astype(int) * 4, 0, 255).astype(np.uint8))
    side = measured((cut * np.linspace(0.1, 1, 112)[None, :, None]).astype(np.uint8))
    assert blurred.sharpness < 0.6 * good.sharpness
    assert dark.under_exposed > 0.5 > good.under_exposed
    assert glare.over_exposed > 0.3 > good.over_exposed
    assert side.illumination_uniformity < 0.8 < good.illumination_uniformity
    assert all(worse.unified < good.unified for worse in (blurred, dark, glare, side))
    black = measured(np.zeros((112, 112, 3), np.uint8))
    assert black.unified == 0.0


def test_packed_weights_come_out_as_the_standard_says() -> None:
    packed = np.array([[1, 2, 3, 4, 5]], dtype=np.int8)
    scales, zeros = np.array([[0.5, 2.0, 1.0]], dtype=np.float32), np.array([[0, 1, 5]], dtype=np.int8)
    np.testing.assert_array_equal(onnx.unpacked(packed, scales, zeros, 1, 2), [[0.5, 1.0, 4.0, 6.0, 0.0]])


@pytest.mark.parametrize("cut", [1, 100, 5_000, 100_000])
def test_a_model_that_is_cut_off_is_refused(cut: int) -> None:
    data = (shipped.WEIGHTS / shipped.find().detector.file).read_bytes()
    with pytest.raises(MalformedConfiguration, match="no ONNX"):
        onnx.plain(data[:-cut])
