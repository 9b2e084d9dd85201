"""Small pictures of wholly synthetic people, cut from `openpeople`, in the folders that an evaluation wants. Never committed."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpeople

PEOPLE = Path(openpeople.__file__).parent / "data" / "curated"
# Where the sixteen faces of a sheet of expressions lie: four by four.
SHEET = 4


def small(path: Path, longest: int = 640) -> Any:
    """RGB."""
    picture = cv2.imread(str(path))
    assert picture is not None
    by = longest / max(picture.shape[:2])
    return np.ascontiguousarray(cv2.resize(picture, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)[:, :, ::-1])


def jpeg(rgb: Any) -> bytes:
    done, coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return bytes(coded)


def asset(person: int, kind: str, longest: int = 640) -> bytes:
    return jpeg(small(PEOPLE / f"P{person:03}" / "assets" / f"{kind}.jpg", longest))


def expressions(person: int) -> list[bytes]:
    """Sixteen, about 250 pixels high each."""
    sheet = small(PEOPLE / f"P{person:03}" / "assets" / "emotions_sheet.jpg", 1_200)
    high, wide = sheet.shape[0] // SHEET, sheet.shape[1] // SHEET
    return [jpeg(sheet[r * high : (r + 1) * high, c * wide : (c + 1) * wide]) for r in range(SHEET) for c in range(SHEET)]


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def folders(root: Path, listed: int = 5, people: int = 8) -> None:
    """`list`, `probes` with a frame and a track a person, `nonlisted`, `groups.csv`."""
    rows = ["person,height"]
    for person in range(1, people + 1):
        name = f"P{person:03}"
        rows.append(f"{name},{'tall' if person % 2 else 'short'}")
        if person <= listed:
            put(root / "list" / name / "portrait.jpg", asset(person, "studio_portrait"))
            put(root / "list" / name / "selfie.jpg", asset(person, "amateur_selfie"))
        side = root / ("probes" if person <= listed else "nonlisted") / name
        put(side / "posture.jpg", asset(person, "studio_posture", 900))
        for number, data in enumerate(expressions(person)[:3]):
            put(side / "walk" / f"{number:02}.jpg", data)
    (root / "groups.csv").write_text("\n".join(rows) + "\n")


def lfw(root: Path) -> Path:
    """`images` and `pairs.txt` of four folds in LFW's form; the file of pairs."""
    for person in range(1, 9):
        for number, data in enumerate(expressions(person)[:4], start=1):
            put(root / "images" / f"P{person:03}" / f"P{person:03}_{number:04d}.jpg", data)
    lines = ["4\t4"]
    for fold in range(4):
        lines += [f"P{person:03}\t{1 + fold % 3}\t4" for person in (1, 3, 5, 7)]
        lines += [f"P{person:03}\t{1 + fold}\tP{person + 1:03}\t{4 - fold}" for person in (1, 3, 5, 7)]
    file = root / "pairs.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target
