"""What looks at one face come to, by rules alone: an alert rests on agreement, and what raises none stays hidden."""

from hypothesis import given
from hypothesis import strategies as st
from tests.property.test_recognition_rules import NOW

from bowstreet.recognition.alerts import rules as alerts
from bowstreet.recognition.alerts.model import Look, Raised, Withheld
from bowstreet.recognition.cameras import rules as cameras
from bowstreet.recognition.cameras.model import SeenLook


def a_look(person: str = "a", score: float = 0.6, quality: float = 0.5) -> Look:
    return Look(at=NOW, person_id=person, score=score, quality=quality)


looks = st.lists(
    st.builds(a_look, st.sampled_from("abc"), st.floats(0, 1), st.floats(0, 1)), max_size=12
)  # fmt: skip


@given(looks, st.floats(0.4, 0.9))
def test_an_alert_rests_on_agreeing_looks_over_the_threshold(given_looks: list[Look], threshold: float) -> None:
    judged = alerts.judge(given_looks, threshold)
    over = [one for one in given_looks if one.score >= threshold]
    if not isinstance(judged, Raised):
        assert (judged is Withheld.BELOW) is (not over)
        return
    mine = [one for one in over if one.person_id == judged.person_id]
    assert judged.agreeing == len(mine) >= alerts.LEAST_LOOKS
    assert len(mine) >= alerts.LEAST_AGREEING * len(over)
    assert judged.best in mine


@given(looks, st.floats(0.4, 0.9))
def test_a_camera_tells_of_a_pass_that_goes_on_exactly_when_it_is_an_alert(given_looks: list[Look], threshold: float) -> None:
    """What a camera tells of it also shows to operators: a face that raises no alert stays hidden (R8)."""
    seen = [SeenLook(at_us=0, person_id=one.person_id, score=one.score, quality=one.quality) for one in given_looks]
    assert cameras.is_told(seen, threshold, over=False) is isinstance(alerts.judge(given_looks, threshold), Raised)


@given(st.integers(0, 60_000_000), st.integers(0, 60_000_000))
def test_a_face_is_shown_only_shortly_after_it_was_like_somebody_on_the_list(looked_us: int, later_us: int) -> None:
    """By then another person may stand where a pass goes on by place alone (R8)."""
    seen = [SeenLook(at_us=looked_us, person_id="a", score=0.6, quality=0.5)]
    assert cameras.is_shown(seen, looked_us + later_us) is (later_us <= cameras.SHOWN_US)
    assert not cameras.is_shown([], looked_us)


@given(looks, st.floats(0.4, 0.9), st.floats(0, 0.1))
def test_a_higher_threshold_never_adds_a_person(given_looks: list[Look], threshold: float, more: float) -> None:
    """A face that reaches no threshold at all raises nothing; looks below it change nothing."""
    below = [a_look("c", threshold * 0.999 - more) for _ in range(5)]
    assert alerts.judge([*given_looks, *below], threshold) == alerts.judge(given_looks, threshold)
