"""Pictures in folders, a folder a person. Nothing outside the folder that was named is ever opened: links are not followed."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation.model import Part, Still

PICTURES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".ppm", ".pgm"})
MOST_STILLS = 5_000_000


def stills(part: Part, folder: Path, ignored: Counter[str]) -> list[Still]:
    """Every picture, people and pictures in the order of their names.

    Args:
        ignored: counts what is left out, by reason.

    Raises:
        BadInput: it is no folder, or holds no person with a picture.
    """
    found: list[Still] = []
    try:
        people = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(
            f"the folder {folder} cannot be read ({error.strerror})", remedy="name a folder that holds one a person"
        ) from None
    for person in people:
        if _hidden(person, ignored):
            continue
        if not person.is_dir(follow_symlinks=False):
            ignored["not in a person's folder"] += 1
            continue
        found.extend(_of_person(part, person, ignored))
        if len(found) > MOST_STILLS:
            raise BadInput(f"{folder} holds more than {MOST_STILLS:,} pictures", remedy="evaluate a part of them")
    if not found:
        raise BadInput(
            f"{folder} holds no folder with pictures in it", remedy="put each person's pictures into a folder of their own"
        )
    return found


def _of_person(part: Part, person: "os.DirEntry[str]", ignored: Counter[str]) -> Iterator[Still]:
    for entry in _entries(person.path, ignored):
        if entry.is_dir(follow_symlinks=False):
            for frame in _entries(entry.path, ignored):
                if frame.is_dir(follow_symlinks=False):
                    ignored["a folder too deep"] += 1
                elif _picture(frame, ignored):
                    yield Still(part=part, person=person.name, track=entry.name + "/", path=Path(frame.path))
        elif _picture(entry, ignored):
            yield Still(part=part, person=person.name, track=entry.name, path=Path(entry.path))


def _entries(folder: str, ignored: Counter[str]) -> list["os.DirEntry[str]"]:
    try:
        return sorted((entry for entry in os.scandir(folder) if not _hidden(entry, ignored)), key=lambda entry: entry.name)
    except OSError:
        ignored["a folder that cannot be read"] += 1
        return []


def _hidden(entry: "os.DirEntry[str]", ignored: Counter[str]) -> bool:
    if entry.is_symlink():
        ignored["a link, which is not followed"] += 1
        return True
    return entry.name.startswith(".")


def _picture(entry: "os.DirEntry[str]", ignored: Counter[str]) -> bool:
    if Path(entry.name).suffix.lower() in PICTURES:
        return True
    ignored["not named as a picture"] += 1
    return False
