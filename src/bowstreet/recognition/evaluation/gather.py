"""From what was found in each picture to searches: frames and tracks, mated and non-mated. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bowstreet.recognition.evaluation.identification import STRATA, Side
from bowstreet.recognition.evaluation.intervals import FloatArray, Rate, rates, weights
from bowstreet.recognition.evaluation.model import Looked
from bowstreet.recognition.evaluation.passages import Passages
from bowstreet.recognition.evaluation.searches import NOTHING, Gallery, Probes, Scores, compare
from bowstreet.recognition.reference import Reference


def gallery(looked: Iterable[Looked], dimensions: int) -> tuple[Gallery, dict[str, int]]:
    """Of every person of whom one picture at least could be enrolled; and each one's place."""
    by_person: dict[str, list[Any]] = defaultdict(list)
    for one in looked:
        if one.found.reason is None:
            reference = Reference(person_id=one.still.person, vector=one.found.vector)
            by_person[one.still.person].append(reference.numbers())
    people = sorted(by_person)
    counts = [len(by_person[person]) for person in people]
    rows = [row for person in people for row in by_person[person]]
    vectors = np.stack(rows).astype(np.float32) if rows else np.zeros((0, dimensions), np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp) if counts else np.zeros(0, np.intp)
    return Gallery(vectors=vectors, starts=starts), {person: place for place, person in enumerate(people)}


def side(looked: Sequence[Looked], people: Sequence[str], places: dict[str, int], dimensions: int) -> Probes:
    """`people`: all of this side's; a person who is not in `places` has no mate."""
    number = {person: place for place, person in enumerate(people)}
    acquired = np.array([one.found.reason is None for one in looked], dtype=bool)
    vectors = np.zeros((len(looked), dimensions), np.float32)
    for row, one in enumerate(looked):
        if acquired[row]:
            vectors[row] = Reference(person_id=one.still.person, vector=one.found.vector).numbers()
    return Probes(
        vectors=vectors, acquired=acquired,
        subject=np.array([number[one.still.person] for one in looked], dtype=np.intp),
        mate=np.array([places.get(one.still.person, -1) for one in looked], dtype=np.intp),
    )  # fmt: skip


def search(
    looked: Sequence[Looked], people: Sequence[str], listed: Gallery, places: dict[str, int], sizes: tuple[int, ...], seed: int
) -> Side:
    probes = side(looked, people, places, listed.vectors.shape[1])
    return Side(probes=probes, scores=compare(probes, listed, sizes, seed), people=people)


def passed(
    looked: Sequence[Looked], people: Sequence[str], listed: Gallery, places: dict[str, int], sizes: tuple[int, ...], seed: int,
    least: float,
) -> Side:  # fmt: skip
    """Of tracks, in the order of `best_shots`. `least`: the lowest threshold that a deployment may have."""
    frames = side(looked, people, places, listed.vectors.shape[1])
    tracks: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(looked):  # which are in the order of their names
        tracks[one.still.person, one.still.track].append(place)
    first = np.array([of[0] for of in tracks.values()], dtype=np.intp)
    qualities = [one.found.quality for one in looked]
    passages = Passages(
        pictures=[np.array([place for place in of if frames.acquired[place]], dtype=np.intp) for of in tracks.values()],
        eyes_px=np.array([0.0 if quality is None else quality.eyes_px for quality in qualities]),
        unified=np.array([0.0 if quality is None else quality.unified for quality in qualities]),
        mate=frames.mate, scores=compare(frames, listed, sizes, seed, whom=True),
    )  # fmt: skip
    probes = Probes(
        vectors=np.zeros((len(tracks), 0), np.float32), acquired=np.array([of.size > 0 for of in passages.pictures], dtype=bool),
        subject=frames.subject[first], mate=frames.mate[first],
    )  # fmt: skip
    nobody = np.full((len(tracks), len(sizes)), NOTHING)
    nobody[:, -1] = np.where(probes.mate < 0, passages.highest(-1, least, None), NOTHING)
    mate = np.where(probes.mate < 0, NOTHING, passages.highest(-1, least, probes.mate))
    return Side(probes=probes, scores=Scores(sizes=sizes, mate=mate, other=nobody), people=people, passages=passages)


def in_tracks(looked: Iterable[Looked]) -> list[Looked]:
    """Those in a folder inside their person's: a picture that stands alone is no track."""
    return [one for one in looked if one.still.track.endswith("/")]


def all_in_tracks(looked: Sequence[Looked]) -> bool:
    """Whether everybody has a track: figures by track leave out whoever has none."""
    return {one.still.person for one in in_tracks(looked)} == {one.still.person for one in looked}


def best_shots(looked: Iterable[Looked]) -> list[Looked]:
    """Of each track the picture with the best quality, which says how well it could be seen; any where none shows a face."""
    tracks: dict[tuple[str, str], Looked] = {}

    def worth(one: Looked) -> float:
        return -1.0 if one.found.reason is not None or one.found.quality is None else one.found.quality.unified

    for one in looked:
        key = (one.still.person, one.still.track)
        if key not in tracks or worth(one) > worth(tracks[key]):
            tracks[key] = one
    return list(tracks.values())


def measures(mated: Sequence[Looked], nonmated: Sequence[Looked]) -> dict[str, tuple[FloatArray, FloatArray]]:
    def values(name: str, looked: Sequence[Looked]) -> FloatArray:
        return np.array(
            [np.nan if one.found.quality is None else getattr(one.found.quality, name) for one in looked], dtype=float
        )

    return {name: (values(name, mated), values(name, nonmated)) for name in STRATA}


def failures(looked: Sequence[Looked], seed: int) -> tuple[Rate, dict[str, int]]:
    """The rate of pictures without a template, drawn by person, and the reasons."""
    people = {person: place for place, person in enumerate(sorted({one.still.person for one in looked}))}
    failed, of = np.zeros((len(people), 1)), np.zeros(len(people))
    reasons: dict[str, int] = {}
    for one in looked:
        place = people[one.still.person]
        of[place] += 1
        if one.found.reason is not None:
            failed[place] += 1
            reasons[one.found.reason] = reasons.get(one.found.reason, 0) + 1
    return rates(failed, of, weights(len(people), 500, seed))[0], reasons


def people_without(looked: Sequence[Looked]) -> tuple[int, int]:
    """How many people there are, and of how many not one picture could be used."""
    usable: dict[str, bool] = {}
    for one in looked:
        usable[one.still.person] = usable.get(one.still.person, False) or one.found.reason is None
    return len(usable), sum(not one for one in usable.values())
