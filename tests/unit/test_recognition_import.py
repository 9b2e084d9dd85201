"""Imports of lists: each bad row says what is wrong with it, and nothing is ever half loaded (F13, R5)."""

import json
import struct
import zlib
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.recognition_world import COLUMNS, NOW, OPERATOR, World, people, photo, row, volunteer

from bowstreet.cli import main
from bowstreet.errors import BadInput, NotFound, Refused
from bowstreet.recognition import listfile, rules
from bowstreet.recognition.listing import RowState
from bowstreet.recognition.model import DeploymentUse
from bowstreet.recognition.portraits.reader import PortraitReader

NAMES = list(people())
TODAY = date(2026, 11, 23)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path / "data").started()
    yield made
    await made.close()


def parsed(*rows: str) -> list[str]:
    """What is wrong with each bad row."""
    _, bad = listfile.parse_list((COLUMNS + "\n".join(rows)).encode(), DeploymentUse.WANTED, TODAY)
    return [one.why for one in bad]


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """The head of a PNG that claims this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    idat = b"IDAT" + zlib.compress(body)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (chunk, idat, b"IEND")
    )


# --- the file ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (row("a", "../../etc/passwd"), "no plain name"), (row("a", "C:\\x.jpg"), "no plain name"), (row("a", "a/b.jpg"), "no plain name"),
        (row("a", ".hidden"), "no plain name"), (row("a", "x.jpg", category="other"), "R1"), (row("a", "x.jpg", category="missing-at-risk"), "no place"),
        (row("a", "x.jpg", source="social-media"), "R1"), (row("a", "x.jpg", source="given-by-the-person"), "R5"), (row("a", "x.jpg", basis="consent"), "R5"),
        (row("a", "x.jpg", on="2027-01-01"), "future"), (row("a", "x.jpg", on="yesterday"), "no day"), (row("a", "x.jpg", under_18="perhaps"), "neither"),
        (row("", "x.jpg"), "reference is empty"), (row("a", ""), "image is empty"), (row("a", "x" * 300), "too long"), ("a,b", "fields"),
        (row("a", "x.jpg", name="Ann \u202enoD"), "control"), (row("a", "x.jpg", name="Ann\u2028Don"), "control"),
    ],
)  # fmt: skip
def test_each_bad_row_says_why(bad: str, says: str) -> None:
    [why] = parsed(bad, row("b", "good.jpg"))
    assert says in why


def test_a_row_that_contradicts_another_is_refused() -> None:
    assert "another than in line 2" in parsed(row("a", "1.jpg"), row("a", "2.jpg", name="Somebody else"))[0]
    assert "stands in line 2" in parsed(row("a", "1.jpg"), row("b", "1.JPG"))[0]
    many = [row("a", f"{n}.jpg") for n in range(listfile.MOST_IMAGES_A_PERSON + 1)]
    assert "at most" in parsed(*many)[0]


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"", b"reference,name\nx,y", b"a" * 10, (COLUMNS + 'a,"unclosed').encode(), COLUMNS.encode()]
)
def test_what_is_no_list_is_refused_whole(data: bytes) -> None:
    with pytest.raises(BadInput):
        listfile.parse_list(data, DeploymentUse.WANTED, TODAY)


def test_a_bad_row_is_found_again_by_its_image_but_no_way_to_a_file_is_told() -> None:
    rows = [row("a", "x.jpg", category="other"), row("b", "../y.jpg"), "three,cells,only"]
    _, bad = listfile.parse_list((COLUMNS + "\n".join(rows)).encode(), DeploymentUse.WANTED, TODAY)
    assert [one.image for one in bad] == ["x.jpg", "", ""]


def test_a_hundred_thousand_rows_are_read_and_one_more_is_not() -> None:
    rows = [row(f"p{n}", f"{n}.jpg") for n in range(listfile.MOST_ROWS)]
    good, bad = listfile.parse_list((COLUMNS + "\n".join(rows)).encode(), DeploymentUse.WANTED, TODAY)
    assert (len(good), len(bad)) == (listfile.MOST_ROWS, 0)
    with pytest.raises(BadInput, match="more than"):
        listfile.parse_list((COLUMNS + "\n".join([*rows, row("x", "x.jpg")])).encode(), DeploymentUse.WANTED, TODAY)


def test_nobody_is_named_in_what_is_wrong() -> None:
    for why in parsed(
        row("REF9", "x.jpg", name="Jane Example", category="other"), row("REF9", "../Jane.jpg", name="Jane Example")
    ):
        assert "Jane" not in why
        assert "REF9" not in why


# --- images --------------------------------------------------------------------------------------------------------------------


def upright(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def with_exif(jpeg: bytes, orientation: int, secret: bytes) -> bytes:
    """With an EXIF segment: a turn, and a description."""
    text = secret + b"\x00"
    tiff = b"MM\x00\x2a" + struct.pack(">I", 8) + struct.pack(">H", 2)
    tiff += struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(">HHII", 0x010E, 2, len(text), 38)
    body = b"Exif\x00\x00" + tiff + struct.pack(">I", 0) + text
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


async def test_hostile_images_are_rows_with_a_reason_and_others_go_on(world: World) -> None:
    planned = await world.planned()
    group = cv2.hconcat([cv2.resize(upright(photo(name)), (640, 640)) for name in NAMES[:2]])
    blank = np.full((400, 400, 3), 127, np.uint8)
    images = {
        "text.jpg": b"this is no image at all" * 100, "empty.jpg": b"", "bomb.png": png(30_000, 30_000),
        "liar.png": png(60, 60, b"x" * 10), "cut.jpg": photo(NAMES[0])[:20_000], "svg.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "two.png": cv2.imencode(".png", group)[1].tobytes(), "blank.png": cv2.imencode(".png", blank)[1].tobytes(),
        "tiny.png": cv2.imencode(".png", cv2.resize(upright(photo(NAMES[0])), (24, 24)))[1].tobytes(), "good.jpg": photo(NAMES[0]),
        "same.jpg": photo(NAMES[0]),
    }  # fmt: skip
    made, _ = await world.imported(planned.deployment_id, [row(f"R{n}", name) for n, name in enumerate(images)], images)
    results = {one.image: one for one in made.results.values()}
    assert [name for name, one in results.items() if one.state is RowState.READY] == ["good.jpg"]
    for name, says in {
        "text.jpg": "no picture", "empty.jpg": "empty", "bomb.png": "claims", "two.png": "more than one", "blank.png": "no face",
        "same.jpg": "the very image of line", "svg.jpg": "no picture",
    }.items():  # fmt: skip
        assert says in results[name].why, (name, results[name].why)
    # Nothing is half loaded: refused as it is, whole without the others when a person says so.
    with pytest.raises(Refused, match="10 lines"):
        await world.planning.finish_import(planned.deployment_id, made.import_id, OPERATOR, leave_out=False)
    assert world.recognition.get(planned.deployment_id).manifest is None
    await world.planning.finish_import(planned.deployment_id, made.import_id, OPERATOR, leave_out=True)
    manifest = world.recognition.get(planned.deployment_id).manifest
    assert manifest is not None
    assert (manifest.people, manifest.images) == (1, 1)


async def test_what_an_image_carries_beside_its_picture_is_not_kept(world: World) -> None:
    """EXIF tricks: a turn is followed, words and places are gone."""
    secret = b"51.5465N 0.1030W, taken by somebody"
    turned = cv2.imencode(".jpg", cv2.rotate(upright(photo(NAMES[0])), cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    reader = PortraitReader()
    plain, read = await reader.read(photo(NAMES[0])), await reader.read(with_exif(turned, 6, secret))
    await reader.close()
    kept = read.image  # type: ignore[union-attr]
    assert secret not in kept
    assert b"Exif" not in kept
    similarity = float(np.frombuffer(read.vector, "<f4") @ np.frombuffer(plain.vector, "<f4"))  # type: ignore[union-attr]
    assert similarity > 0.9  # read upright: it is the same face


async def test_one_person_under_two_numbers_and_two_under_one_are_remarked(world: World) -> None:
    planned = await world.planned()
    images = {
        "a.jpg": photo(NAMES[0]),
        "b.jpg": photo(NAMES[0], "amateur_selfie"),
        "c.jpg": photo(NAMES[1]),
        "d.jpg": photo(NAMES[2]),
    }
    rows = [row("R1", "a.jpg"), row("R2", "b.jpg"), row("R3", "c.jpg"), row("R3", "d.jpg")]
    made, _ = await world.imported(planned.deployment_id, rows, images)
    remarked = await world.planning.finish_import(planned.deployment_id, made.import_id, OPERATOR, leave_out=False)
    said = {one.line: " ".join(one.remarks) for one in remarked}
    assert "line 3" in said[2]
    assert "line 2" in said[3]
    assert "unlike another image of the same person" in said[4]
    assert "unlike another image of the same person" in said[5]


async def test_an_old_image_is_told(world: World) -> None:
    planned = await world.planned()
    made, [result] = await world.imported(
        planned.deployment_id, [row("R1", "a.jpg", on=str((NOW - rules.IMAGE_AGES - timedelta(days=9)).date()))], {"a.jpg": photo(NAMES[0])}
    )  # fmt: skip
    assert "years old" in result.remarks[0]
    await world.planning.finish_import(planned.deployment_id, made.import_id, OPERATOR, leave_out=False)
    manifest = world.recognition.get(planned.deployment_id).manifest
    assert manifest is not None
    assert manifest.aged == 1


async def test_an_import_that_is_given_up_or_forgotten_leaves_nothing(world: World) -> None:
    planned = await world.planned()
    for number in range(2):
        made, _ = await world.imported(planned.deployment_id, [row("R1", "a.jpg")], {"a.jpg": photo(NAMES[0])})
        assert len(list((world.folder / "watchlists").iterdir())) == 1
        if number == 0:
            await world.enrolment.give_up(made)
        else:
            world.clock.advance_to(world.clock.now() + timedelta(hours=3))
            await world.enrolment.forget_old()
        assert not list((world.folder / "watchlists").iterdir())
        assert world.vault.find(made.watchlist_id) is None
        with pytest.raises(NotFound):
            world.enrolment.get(planned.deployment_id, made.import_id)


async def test_a_minor_is_approved_by_another_or_taken_off(world: World) -> None:
    planned = await world.planned()
    dep = planned.deployment_id
    images = {f"{name}.jpg": photo(name) for name in NAMES[:3]}
    rows = [row(NAMES[0], f"{NAMES[0]}.jpg", under_18="yes"), row(NAMES[1], f"{NAMES[1]}.jpg", vulnerable="yes")]
    made, _ = await world.imported(dep, [*rows, volunteer(NAMES[2], f"{NAMES[2]}.jpg")], images)
    await world.planning.finish_import(dep, made.import_id, OPERATOR, leave_out=False)
    await world.told(dep)
    first, second = (world.person_id(dep, name) for name in NAMES[:2])
    with pytest.raises(Refused, match="R6"):
        await world.planning.request_authority(dep, OPERATOR)
    with pytest.raises(Refused, match="R6"):
        await world.planning.review(dep, first, OPERATOR, approve=True)
    await world.planning.review(dep, first, "acc-second", approve=True)
    before = world.recognition.get(dep).manifest
    assert before is not None
    await world.planning.review(dep, second, "acc-second", approve=False)
    after = world.recognition.get(dep).manifest
    assert after is not None
    assert (after.people, after.to_review, after.reviewed) == (2, (), 1)
    # The list that had them on it is destroyed at once, with its receipt.
    assert world.vault.find(before.watchlist_id) is None
    assert [one.subject_id for one in world.retention.erasures.all()] == [before.watchlist_id]
    await world.planning.request_authority(dep, OPERATOR)


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
async def test_a_list_that_was_harmed_is_not_opened(world: World, harm: str) -> None:
    one = await world.running(NAMES[0], NAMES[1])
    [path] = (world.folder / "watchlists").iterdir()
    await world.recognition.stop(one.deployment_id, OPERATOR)
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if harm == "cut" else data[:200] + bytes([data[200] ^ 1]) + data[201:])
    with pytest.raises(Refused, match="R4"):
        await world.recognition.start(one.deployment_id, OPERATOR)
    assert not world.pipeline.running


def test_the_command_says_the_same_beforehand_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes(photo(NAMES[0]))
    (images / "b.jpg").write_bytes(photo(NAMES[0], "amateur_selfie"))
    (images / "c.jpg").symlink_to(people()[NAMES[1]] / "studio_portrait.jpg")
    rows = [row("R1", "a.jpg", on="2025-01-01"), row("R2", "b.jpg", on="2025-01-01"), row("R3", "c.jpg"), row("R4", "d.jpg")]
    (tmp_path / "list.csv").write_text(COLUMNS + "\n".join(rows))
    words = ["lfr", "enrol", "--list", str(tmp_path / "list.csv"), "--images", str(images), "--json", str(tmp_path / "out.json")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "line 4: its image is not in the folder, or is a link" in said
    assert "is it one person twice?" in said
    assert "2 of 4 lines can be used; nothing was kept" in said
    found = json.loads((tmp_path / "out.json").read_text())
    assert [one["state"] for one in found] == ["ready", "ready", "bad", "bad"]
    assert "Name of" not in (tmp_path / "out.json").read_text() + said
