"""A search compares with everybody, says who is alike enough and nothing of the others."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.errors import BadInput, Conflict, Refused
from bowstreet.recognition.match import MOST_CANDIDATES, Gallery
from bowstreet.recognition.reference import Reference, keep
from bowstreet.recognition.template import Template


def numbers(seed: int, near: int | None = None, noise: float = 0.0) -> Any:
    values = np.random.default_rng(seed).normal(size=128)
    if near is not None:
        values = np.random.default_rng(near).normal(size=128) + noise * values
    return (values / np.linalg.norm(values)).astype(np.float32)


def reference(person: str, seed: int, near: int | None = None, noise: float = 0.0) -> Reference:
    with Template(numbers(seed, near, noise)) as it:
        return keep(person, it)


@settings(max_examples=60, deadline=None)
@given(
    people=st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=40),
    near=st.integers(0, 39),
    noise=st.floats(0, 3),
    threshold=st.floats(0.2, 0.95),
)
def test_it_finds_what_a_search_by_hand_finds(people: list[str], near: int, noise: float, threshold: float) -> None:
    references = [reference(person, seed) for seed, person in enumerate(people)]
    probe = numbers(99, near=near, noise=noise)
    by_hand: dict[str, float] = {}
    for one in references:
        score = float(one.numbers().astype(np.float64) @ probe.astype(np.float64))
        by_hand[one.person_id] = max(by_hand.get(one.person_id, -1.0), score)
    wanted = sorted(((s, p) for p, s in by_hand.items() if s >= threshold), key=lambda pair: (-pair[0], pair[1]))
    close = [s for s in by_hand.values() if abs(s - threshold) < 1e-5]
    found = Gallery(references, threshold_floor=0.1).search(Template(probe), threshold)
    if not close:
        assert [one.person_id for one in found] == [person for _, person in wanted[:MOST_CANDIDATES]]
        assert [one.score for one in found] == pytest.approx([s for s, _ in wanted[:MOST_CANDIDATES]], abs=1e-5)


def test_the_best_of_a_persons_images_counts_and_is_named() -> None:
    gallery = Gallery(
        [reference("p2", 1), reference("p1", 50), reference("p1", 51, near=7, noise=0.2), reference("p1", 52)],
        threshold_floor=0.4,
    )
    (found,) = gallery.search(Template(numbers(60, near=7, noise=0.2)), 0.5)
    assert (found.person_id, found.image) == ("p1", 1)
    assert len(gallery) == 2
    assert gallery.images == 4


def test_nothing_of_a_face_under_the_threshold_stays() -> None:
    gallery = Gallery([reference("p1", 1), reference("p2", 2)], threshold_floor=0.4)
    assert gallery.search(Template(numbers(3)), 0.5) == []
    assert not gallery._scores.any()
    gallery.search(Template(numbers(1)), 0.5)
    assert not gallery._scores.any()


@pytest.mark.parametrize("threshold", [0.39, 0.0, -1.0, float("nan")])
def test_the_floor_holds(threshold: float) -> None:
    with pytest.raises(Refused, match="R13"):
        Gallery([reference("p1", 1)], threshold_floor=0.4).search(Template(numbers(1)), threshold)


def test_the_list_is_overwritten() -> None:
    gallery = Gallery([reference("p1", 1), reference("p2", 2)], threshold_floor=0.4)
    pages = gallery._pages
    assert any(pages[:])
    gallery.overwrite()
    gallery.overwrite()
    assert not any(pages[:])
    with pytest.raises(Conflict, match="overwritten"):
        gallery.search(Template(numbers(1)), 0.5)


def test_models_are_not_mixed() -> None:
    longer = Reference(person_id="p2", vector=np.full(256, 1 / 16, "<f4").tobytes())
    with pytest.raises(BadInput, match="different models"):
        Gallery([reference("p1", 1), longer], threshold_floor=0.4)
    with pytest.raises(BadInput, match="256"):
        Gallery([longer], threshold_floor=0.4).search(Template(numbers(1)), 0.5)


def test_an_empty_list_finds_nobody() -> None:
    assert Gallery([], threshold_floor=0.4).search(Template(numbers(1)), 0.5) == []
