"""The figures of an evaluation against cases worked out by hand, an independent implementation, and what must always hold."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from bowstreet.recognition.evaluation import identification, verification
from bowstreet.recognition.evaluation.groups import Groups
from bowstreet.recognition.evaluation.identification import Side
from bowstreet.recognition.evaluation.intervals import clopper_pearson, difference, rates, weights
from bowstreet.recognition.evaluation.searches import Gallery, Probes, Scores, compare, list_sizes, per_subject


@given(of=st.integers(1, 5_000), data=st.data(), confidence=st.floats(0.5, 0.999))
def test_clopper_pearson_is_that_of_scipy(of: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, of))
    theirs = binomtest(hits, of).proportion_ci(confidence, method="exact")
    assert clopper_pearson(hits, of, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_error_in_n_searches_is_bounded_by_the_rule_of_three() -> None:
    low, high = clopper_pearson(0, 300, 0.90)  # one-sided 95%
    assert low == 0.0
    assert high == pytest.approx(3 / 300, rel=0.01)


@st.composite
def tallies(draw: st.DrawFn) -> tuple[Any, Any]:
    people = draw(st.integers(1, 60))
    of = draw(arrays(np.int64, people, elements=st.integers(0, 6)))
    hits = np.array([[draw(st.integers(0, int(most)))] for most in of])
    return hits.astype(float), of.astype(float)


@settings(deadline=None, max_examples=60)
@given(tallies(), st.integers(0, 5))
def test_every_interval_contains_its_estimate(given_tallies: tuple[Any, Any], seed: int) -> None:
    hits, of = given_tallies
    (rate,) = rates(hits, of, weights(len(of), 300, seed))
    assert 0.0 <= rate.low <= rate.high <= 1.0
    if rate.value is None:
        assert of.sum() == 0
    else:
        assert rate.low <= rate.value <= rate.high
        assert rate.value == pytest.approx(hits.sum() / of.sum())


def test_the_drawn_interval_covers_the_truth_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(5), 0
    for run in range(150):
        # People differ: of each, all five searches succeed with a probability of their own.
        own = random.beta(6, 2, size=80)
        hits = random.binomial(5, own)[:, None].astype(float)
        (rate,) = rates(hits, np.full(80, 5.0), weights(80, 400, run))
        assert rate.method == "bootstrap"
        covered += rate.low <= 0.75 <= rate.high
    assert covered >= 133  # 95% of 150 less three standard deviations


def test_people_count_and_not_pictures() -> None:
    # One person whose thousand pictures all fail is one person.
    hits, of = np.array([[0.0], *[[1.0]] * 20]), np.array([1_000.0, *[1.0] * 20])
    (rate,) = rates(hits, of, weights(21, 500, 1))
    assert rate.subjects == 21
    assert rate.high > 0.1


def gallery(*vectors: tuple[int, Any]) -> Gallery:
    people = [person for person, _ in vectors]
    return Gallery(
        vectors=np.array([vector for _, vector in vectors], np.float32),
        starts=np.array([people.index(person) for person in sorted(set(people))], np.intp),
    )


def probes(vectors: Any, subject: list[int], mate: list[int], acquired: list[bool] | None = None) -> Probes:
    return Probes(
        vectors=np.array(vectors, np.float32), acquired=np.array(acquired or [True] * len(subject)),
        subject=np.array(subject, np.intp), mate=np.array(mate, np.intp),
    )  # fmt: skip


def test_a_case_by_hand() -> None:
    listed = gallery((0, [1, 0, 0]), (0, [0, 1, 0]), (1, [0, 0, 1]), (2, [0.6, 0, 0.8]))
    searches = probes(
        [[0.9, 0.1, 0.0], [0.0, 0.0, 1.0], [0.1, 0.0, 0.9], [0, 0, 0]], [0, 1, 2, 0], [0, 1, 2, 0], [True, True, True, False]
    )
    scores = compare(searches, listed, (3,), 1)
    assert scores.mate == pytest.approx([0.9, 1.0, 0.78, -np.inf], abs=1e-6)
    assert scores.other[:, 0] == pytest.approx([0.54, 0.8, 0.9, -np.inf], abs=1e-6)
    # The third is found, but another person of the list is more like it: at rank 1 a miss.
    assert scores.right(0) == pytest.approx([0.9, 1.0, -np.inf, -np.inf], abs=1e-6)
    reached, of = per_subject(scores.right(0), np.ones(4, bool), searches.subject, np.array([0.5, 0.95]))
    assert reached.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert of.tolist() == [2, 1, 1]
    side = Side(probes=searches, scores=scores, people=["a", "b", "c"])
    assert identification.misidentified(side, 0, np.array([0.5, 0.95])) == [1, 0]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Probes, Gallery, int]:
    seed, people, searches = draw(st.integers(0, 9_999)), draw(st.integers(1, 30)), draw(st.integers(1, 40))
    random = np.random.default_rng(seed)
    images = random.integers(1, 4, people)
    listed = Gallery(
        vectors=random.normal(size=(images.sum(), 8)).astype(np.float32),
        starts=np.concatenate([[0], np.cumsum(images)[:-1]]).astype(np.intp),
    )
    return (
        probes(
            random.normal(size=(searches, 8)), random.integers(0, searches, searches).tolist(),
            random.integers(-1, people, searches).tolist(), (random.random(searches) > 0.1).tolist(),
        ),
        listed,
        seed,
    )  # fmt: skip


@settings(deadline=None)
@given(worlds())
def test_scores_are_those_of_a_loop(world: tuple[Probes, Gallery, int]) -> None:
    searches, listed, seed = world
    sizes = list_sizes(listed.people)
    found = compare(searches, listed, sizes, seed)
    named = compare(searches, listed, sizes, seed, whom=True)
    assert (named.other == found.other).all()
    order = np.random.default_rng(seed).permutation(listed.people)
    ends = [*listed.starts[1:], len(listed.vectors)]
    for row in range(len(searches)):
        best = [float((listed.vectors[a:b] @ searches.vectors[row]).max()) for a, b in zip(listed.starts, ends, strict=True)]
        mate = int(searches.mate[row])
        assert named.who is not None
        if not searches.acquired[row]:
            assert found.mate[row] == -np.inf
            assert (found.other[row] == -np.inf).all()
            continue
        assert found.mate[row] == (pytest.approx(best[mate], abs=1e-5) if mate >= 0 else -np.inf)
        for column, size in enumerate(sizes):
            on_list = [int(p) for p in order if p != mate][: size - (mate >= 0)]
            wanted = max((best[person] for person in on_list), default=-np.inf)
            assert found.other[row, column] == (pytest.approx(wanted, abs=1e-5) if np.isfinite(wanted) else -np.inf)
            if np.isfinite(wanted):
                assert int(named.who[row, column]) in on_list
                assert best[int(named.who[row, column])] == pytest.approx(wanted, abs=1e-5)


@settings(deadline=None)
@given(worlds(), st.lists(st.floats(-3, 3), min_size=2, max_size=8, unique=True))
def test_rates_fall_with_the_threshold_and_false_alerts_rise_with_the_list(
    world: tuple[Probes, Gallery, int], at: list[float]
) -> None:
    searches, listed, seed = world
    thresholds = np.array(at)
    scores = compare(searches, listed, list_sizes(listed.people), seed)
    everyone = np.ones(len(searches), bool)
    for values in (scores.right(-1), scores.other[:, -1]):
        reached, of = per_subject(values, everyone, searches.subject, thresholds)
        by_threshold = reached[:, np.argsort(thresholds)]
        assert (np.diff(by_threshold, axis=1) <= 0).all()
        assert (reached <= of[:, None]).all()
        by_hand = [[int((values[searches.subject == person] >= one).sum()) for one in at] for person in range(len(of))]
        assert reached.tolist() == by_hand
    assert (scores.other[:, 1:] >= scores.other[:, :-1]).all(), "a longer list has no fewer people who look alike"
    right = [(scores.right(column) >= thresholds[0]).sum() for column in range(len(scores.sizes))]
    assert (np.diff(right) <= 0).all()


# --- groups ---------------------------------------------------------------------------------------------------------------------


def looked_at(false: Any, groups: list[list[int]], searches: int = 4) -> list[Any]:
    """Findings about groups of people, of whom each has so many false alerts in so many searches; `groups`: of each attribute,
    the value of each person."""
    people = [f"p{place}" for place in range(len(false))]
    scores = np.where(np.arange(searches)[None, :] < np.asarray(false)[:, None], 0.6, 0.1).ravel()
    subject = np.repeat(np.arange(len(people)), searches).tolist()
    probed = Side(
        probes=probes(np.zeros((len(subject), 1)), subject, [-1] * len(subject)), people=people,
        scores=Scores(sizes=(1,), mate=np.full(len(subject), -np.inf), other=scores[:, None]),
    )  # fmt: skip
    names = tuple(f"a{place}" for place in range(len(groups)))
    known = Groups(
        attributes=names,
        people={one: {name: f"{of[place]}" for name, of in zip(names, groups, strict=True)} for place, one in enumerate(people)},
    )
    found = identification.tally(probed, probed, 0, np.array([0.5]), 1)
    return identification.by_group(found, probed, probed, known)


def test_a_disparity_of_a_group_of_forty_is_found_beside_many_other_groups() -> None:
    """Eight of forty people set it off, two in a hundred of the others do; 41 groups are looked at."""
    random = np.random.default_rng(3)
    false = np.zeros(1_000, int)
    false[:8], false[40:60] = 2, 1
    found = looked_at(false, [[int(place < 40) for place in range(1_000)], random.integers(0, 12, 1_000).tolist()])
    assert len(found) > 25
    of = {one.group.name: one for one in found}
    assert of["a0 1"].fpir[0].subjects == 40
    assert of["a0 1"].fpir_compared == ["higher"]
    assert of["a0 0"].fpir_compared == ["lower"]


def test_however_many_groups_are_looked_at_chance_finds_a_difference_in_few_evaluations() -> None:
    """Searches of one person go together, and no group differs: of evaluations that look at 320 groups of some forty people, no
    more than about one in twenty may find a difference."""
    random, found = np.random.default_rng(11), 0
    names, people = tuple("abcdefgh"), [f"p{place}" for place in range(1_600)]
    for _ in range(12):
        false = random.binomial(4, random.beta(0.5, 4.5, len(people)))[:, None].astype(float)
        of = {one: dict(zip(names, map(str, random.integers(0, 40, 8)), strict=True)) for one in people}
        single = [one for one in Groups(attributes=names, people=of).all() if len(one.values) == 1]
        assert len(single) == 320
        counted = false, np.full(len(people), 4.0), weights(len(people), 1_000, 1)
        compared = identification._against(*counted, Groups(attributes=names, people=of), single, people)
        found += any(set(said) & {"higher", "lower"} for _, said in compared)
    assert found <= 2


@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_the_interval_of_a_difference_covers_the_truth_as_often_as_it_says(confidence: float) -> None:
    random, missed, runs = np.random.default_rng(7), 0, 600
    for _ in range(runs):
        small, large = (random.binomial(3, random.beta(1, 9, people))[:, None].astype(float) for people in (60, 600))
        low, high = difference((small, np.full(60, 3.0)), (large, np.full(600, 3.0)), confidence)
        missed += not low[0] <= 0.0 <= high[0]
    expected = runs * (1.0 - confidence)
    assert missed <= expected + 3.0 * expected**0.5 + 1


@settings(deadline=None, max_examples=60)
@given(tallies(), tallies(), st.floats(0.9, 0.9999))
def test_an_interval_of_a_difference_contains_it_and_widens_with_confidence(one: Any, other: Any, confidence: float) -> None:
    (narrow_low, narrow_high), (low, high) = difference(one, other, 0.9), difference(one, other, confidence)
    assert (low <= narrow_low + 1e-9).all()
    assert (high >= narrow_high - 1e-9).all()
    if (one[1] > 0).sum() > 1 and (other[1] > 0).sum() > 1:
        apart = one[0].sum() / one[1].sum() - other[0].sum() / other[1].sum()
        assert low[0] - 1e-9 <= apart <= high[0] + 1e-9


# --- trade-offs -----------------------------------------------------------------------------------------------------------------


def side(values: Any, other: Any, subjects: int) -> Side:
    count = len(other)
    searches = probes(np.zeros((count, 1)), [place % subjects for place in range(count)], [0] * count)
    return Side(
        probes=searches, scores=Scores(sizes=(1,), mate=np.asarray(values, float), other=np.asarray(other, float)[:, None]),
        people=[f"p{place}" for place in range(subjects)],
    )  # fmt: skip


def test_det_and_the_threshold_for_a_target_by_hand() -> None:
    mated = side([0.9, 0.8, 0.7, 0.3], [-np.inf] * 4, 4)
    nonmated = side([-np.inf] * 200, np.linspace(0.0, 0.6, 200), 200)
    points = identification.det(mated, nonmated, 0)
    at = min(points, key=lambda one: abs(one["threshold"] - 0.5))
    assert at["fnir"] == 0.25
    assert at["fpir"] == pytest.approx((np.linspace(0, 0.6, 200) >= at["threshold"]).mean())
    assert all(a["fpir"] >= b["fpir"] and a["fnir"] <= b["fnir"] for a, b in itertools.pairwise(points))
    thresholds = identification.thresholds_for([0.55], 0.4, 0.5, nonmated)
    assert {0.4, 0.45, 0.5, 0.55, 0.8} <= set(thresholds.tolist())
    one_in_hundred = min(one for one in thresholds if (nonmated.scores.other[:, 0] >= one).mean() <= 0.01)
    assert one_in_hundred not in (0.6, 0.65), "the threshold for the target is among them"


def test_verification_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.2, 0.1, 0.7, 0.3, 0.6, 0.05])
    same = np.array([True, True, False, False, True, False, False, True])
    fold = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    # Fold 0 alone is parted anywhere from 0.2 to 0.8, at 0.5; fold 1 is best parted between 0.6 and 0.7.
    assert verification.best_threshold(scores[:4], same[:4]) == pytest.approx(0.5)
    assert verification.best_threshold(scores[4:], same[4:]) == pytest.approx(0.65)
    found = verification.over_folds(scores, same, fold)
    assert found["by_fold"] == [1.0, 0.5]
    assert found["mean"] == 0.75
    assert found["std"] == pytest.approx(np.std([1.0, 0.5], ddof=1))
    rate = verification.error_rates(scores, same, 0.55)
    assert (rate["fmr"]["value"], rate["fnmr"]["value"]) == (0.25, 0.25)
    assert rate["fmr"]["high"] == pytest.approx(binomtest(1, 4).proportion_ci(0.95).high)


@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), min_size=1, max_size=60))
def test_no_threshold_divides_better(pairs: list[tuple[float, bool]]) -> None:
    scores, same = np.array([one for one, _ in pairs]), np.array([one for _, one in pairs])
    found = verification.best_threshold(scores, same)
    right = ((scores >= found) == same).mean()
    for threshold in (-2.0, *scores, *np.nextafter(scores, 2.0), 2.0):
        assert ((scores >= threshold) == same).mean() <= right + 1e-12
