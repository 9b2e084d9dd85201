"""What an evaluation is given: folders, groups, pairs. Wrong ones are named; nothing outside a folder is opened."""

import os
from collections import Counter
from pathlib import Path

import pytest

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation.examiner.model import MOST_FILE_BYTES, Reason
from bowstreet.recognition.evaluation.examiner.pool import read_still
from bowstreet.recognition.evaluation.folders import stills
from bowstreet.recognition.evaluation.groups import parse_groups
from bowstreet.recognition.evaluation.model import Part
from bowstreet.recognition.evaluation.pairs import parse_pairs


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_pictures_of_people_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.png", "a/walk/2.jpg", "a/walk/1.jpg", "a/z.webp"):
        put(tmp_path / "list" / name)
    found = stills(Part.LIST, tmp_path / "list", Counter())
    assert [(one.person, one.track, one.path.name) for one in found] == [
        ("a", "walk/", "1.jpg"), ("a", "walk/", "2.jpg"), ("a", "z.webp", "z.webp"), ("b", "1.png", "1.png"), ("b", "2.JPG", "2.JPG"),
    ]  # fmt: skip


def test_what_is_no_picture_is_left_out_and_counted_and_no_link_is_followed(tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "secret.jpg")
    folder = tmp_path / "list"
    for name in ("a/1.jpg", "a/notes.txt", "stray.jpg", "a/walk/deeper/1.jpg", "a/.DS_Store"):
        put(folder / name)
    (folder / "a" / "link.jpg").symlink_to(secret)
    (folder / "b").symlink_to(secret.parent)
    (folder / "a" / "walk2").symlink_to(secret.parent)
    ignored: Counter[str] = Counter()
    assert [one.path.name for one in stills(Part.LIST, folder, ignored)] == ["1.jpg"]
    assert ignored == {
        "a link, which is not followed": 3, "not named as a picture": 1, "not in a person's folder": 1, "a folder too deep": 1,
    }  # fmt: skip


@pytest.mark.parametrize("make", ["missing", "empty", "file"])
def test_a_folder_without_people_is_an_error(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "list"
    if make == "empty":
        (folder / "a").mkdir(parents=True)
    elif make == "file":
        folder.write_text("")
    with pytest.raises(BadInput, match="folder"):
        stills(Part.LIST, folder, Counter())


def test_only_regular_files_of_a_sane_size_are_read(tmp_path: Path) -> None:
    file = put(tmp_path / "1.jpg", b"abc")
    assert read_still(file) == b"abc"
    (tmp_path / "link.jpg").symlink_to(file)
    os.mkfifo(tmp_path / "pipe.jpg")
    large = tmp_path / "large.jpg"
    with large.open("wb") as holey:
        holey.truncate(MOST_FILE_BYTES + 1)
    assert read_still(large) is Reason.TOO_LARGE
    # A pipe that nobody writes to must not hold everything up.
    for wrong in ("link.jpg", "missing.jpg", ".", "a\0b.jpg"):
        assert read_still(tmp_path / wrong) is Reason.UNREADABLE
    assert read_still(tmp_path / "pipe.jpg") in (b"", Reason.UNREADABLE)


def test_groups_and_their_intersections() -> None:
    groups = parse_groups(b"\xef\xbb\xbfperson,sex,tone\na,f,I\nb,m,II\nc,f,\n")
    assert [one.name for one in groups.all()] == ["sex f", "sex m", "tone I", "tone II", "sex f, tone I", "sex m, tone II"]
    members = list(groups.members(groups.all(), ["a", "b", "c", "nobody"]))
    assert members[0][0].tolist() == [True, False, True, False]
    inside, known = members[-2]
    assert inside.tolist() == [True, False, False, False]
    assert known.tolist() == [True, True, False, False], "of whom one attribute is not known is in no intersection"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "person"), (b"name,sex\na,f\n", "person"), (b"person\na\n", "person"), (b"person,sex,sex\na,f,f\n", "person"),
        (b"person,sex\na\n", "line 2"), (b"person,sex\na,f\n,m\n", "line 3"), (b"person,sex\na,f\na,m\n", "line 3"),
        (b"\xff\xfe", "UTF-8"), (b'person,sex\n"a,f\n', "CSV"), (b"person," + b"x" * 0 + b",".join(b"c%d" % n for n in range(9)), "more than 8"),
        (b"person,id\n" + b"".join(b"p%d,%d\n" % (n, n) for n in range(50)), "no group"),
    ],
)  # fmt: skip
def test_wrong_groups_are_named(data: bytes, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        parse_groups(data)


LFW = b"2\t1\nAnn_A\t1\t2\nAnn_A\t1\tBob_B\t3\nBob_B\t2\t3\nBob_B\t1\tAnn_A\t4\n"


def test_pairs_as_lfw_writes_them() -> None:
    pairs = parse_pairs(LFW)
    assert [(one.first, one.second, one.same, one.fold) for one in pairs] == [
        (("Ann_A", 1), ("Ann_A", 2), True, 0), (("Ann_A", 1), ("Bob_B", 3), False, 0),
        (("Bob_B", 2), ("Bob_B", 3), True, 1), (("Bob_B", 1), ("Ann_A", 4), False, 1),
    ]  # fmt: skip
    spaces = LFW.replace(b"\t", b" ")
    assert parse_pairs(spaces) == pairs
    assert {one.fold for one in parse_pairs(b"1\n" + b"\n".join(LFW.splitlines()[1:3]))} == {0}


def test_pairs_as_a_csv_with_a_line_of_names_are_ten_folds() -> None:
    rows = b"".join(b"Ann,1,2,\nAnn,1,Bob,%d\n" % fold for fold in range(10))
    pairs = parse_pairs(b"name,imagenum1,imagenum2,\n" + rows)
    assert len(pairs) == 20
    assert [one.fold for one in pairs] == [place // 2 for place in range(20)]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "no pairs"), (b"2\t1\n", "first line"), (LFW + b"x\t1\t2\n", "first line"), (b"1\t1\n../../etc\t1\t2\na\t1\tb\t2\n", "line 2"),
        (b"1\t1\n..\t1\t2\na\t1\tb\t2\n", "line 2"), (b"1\t1\na/b\t1\t2\na\t1\tb\t2\n", "line 2"), (b"1\t1\na\t1\t2\na\tx\tb\t2\n", "line 3"),
        (b"1\t1\na\t1\t2\na\t1\t3\n", "lacks"), (b"\xff", "UTF-8"), (b"0\t0\na\t1\t2\n", "no folds"),
    ],
)  # fmt: skip
def test_wrong_pairs_are_named(data: bytes, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        parse_pairs(data)
