"""R2, R3, R15: a camera that was moved is looked at again where it was authorised to stand, before a sign that stands there, and
not before; whatever else is asked for, refused, taken back and put back meanwhile, and whoever decides."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.test_recognition_rules import HERE, NOW, THERE, Deployed

from bowstreet.errors import Refused
from bowstreet.recognition import rules
from bowstreet.recognition.amendment import says_of_camera
from bowstreet.recognition.model import DeploymentState, EvidenceKind, Obstacle

Act = Callable[[Deployed], None]
BOTH = ("north", "south")


def running() -> Deployed:
    """A deployment that looks at both cameras where they stand."""
    made = Deployed()
    made.begin()
    made.go_all_the_way()
    assert rules.kept_out(made.one, made.now) == {}
    assert made.one.state is DeploymentState.RUNNING
    return made


def moves(camera: str, *, onwards: bool = False, where: object = THERE) -> Act:
    return lambda deployed: deployed.amend(camera, where, 0.5, onwards)  # type: ignore[arg-type]


def decides(allow: bool, by: str = "officer") -> Act:
    return lambda deployed: deployed.decide(by, allow)


def puts_back(camera: str) -> Act:
    return lambda deployed: deployed.put_back(camera)


def signs(*cameras: str) -> Act:
    return lambda deployed: deployed.tell(EvidenceKind.SIGN, cameras)


def stops(deployed: Deployed) -> None:
    deployed.stop()


def plans_the_same_again(deployed: Deployed) -> None:
    """Stopped, back to the plan, asked for again as it was, and started if it can be."""
    deployed.stop()
    deployed.withdraw()
    deployed.submit()
    deployed.decide("officer", True)
    deployed.start("operator")


@pytest.mark.requirement("R2", "R3", "R15")
@given(
    st.lists(
        st.one_of(
            st.builds(moves, st.sampled_from(BOTH), onwards=st.booleans(), where=st.sampled_from([HERE, THERE])),
            st.builds(decides, st.booleans(), st.sampled_from(["officer", "officer", "another"])),
            st.builds(puts_back, st.sampled_from(BOTH)), st.builds(signs, st.sampled_from(BOTH)),
            st.just(plans_the_same_again), st.just(stops), st.builds(lambda by: lambda deployed: deployed.start(by), st.sampled_from(["operator", "another"])),
        ),
        max_size=8,
    )
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_nothing_is_seen_by_a_camera_that_stands_where_nobody_authorised_it(acts: list[Act]) -> None:
    deployed = running()
    for act in acts:
        act(deployed)
        deployed.nothing_is_processed_without_a_live_authority()


@pytest.mark.requirement("R2", "R15")
@pytest.mark.parametrize(
    "acts",
    [
        (moves("north"), moves("south"), decides(True), signs("south")),
        (moves("north"), decides(False), moves("south"), decides(True), signs("south")),
    ],
    ids=["the second amendment takes the place of the first", "the first was refused"],
)
def test_authority_for_another_camera_brings_none_back_that_it_does_not_move(acts: tuple[Act, ...]) -> None:
    deployed = running()
    for act in acts:
        act(deployed)
    assert rules.kept_out(deployed.one, deployed.now) == {"north": Obstacle.CAMERA_MOVED}
    deployed.put_back("north")
    assert rules.kept_out(deployed.one, deployed.now) == {}


@pytest.mark.requirement("R2", "R15")
def test_a_plan_that_was_taken_back_with_a_camera_elsewhere_needs_its_sign_anew() -> None:
    deployed = running()
    moves("north")(deployed)
    plans_the_same_again(deployed)
    assert deployed.one.state is DeploymentState.SUBMITTED
    assert rules.why_not_start(deployed.standing(), "operator", deployed.now) == [Obstacle.NO_SIGNS]
    assert rules.unsigned_cameras(deployed.one, deployed.now) == {"north"}


@pytest.mark.requirement("R2")
def test_a_camera_waits_for_an_amendment_that_moves_it_and_for_no_other() -> None:
    deployed = running()
    moves("north")(deployed)
    assert "its move waits for authority" in says_of_camera(Obstacle.CAMERA_MOVED, deployed.one, "north")[1]
    with pytest.raises(Refused, match="waits for authority"):
        rules.put_back(deployed.one, "north")
    moves("south")(deployed)
    assert "it was put back" in says_of_camera(Obstacle.CAMERA_MOVED, deployed.one, "north")[1]
    assert "its move waits for authority" in says_of_camera(Obstacle.CAMERA_MOVED, deployed.one, "south")[1]
    assert rules.put_back(deployed.one, "north").moved == ("south",)


@pytest.mark.requirement("R3")
@pytest.mark.parametrize("by", ["another", "officer"])
def test_whoever_runs_it_does_not_authorise_where_its_cameras_stand(by: str) -> None:
    deployed = running()
    deployed.stop()
    deployed.start("another")
    moves("north")(deployed)
    decides(True, by)(deployed)
    one = deployed.one
    assert (one.state, one.amendment) == (DeploymentState.RUNNING, None)
    taken = by == "officer"
    assert (one.plan.cameras[0].position, one.authorised_by) == ((THERE if taken else HERE), "officer")
    assert rules.kept_out(one, NOW) == {"north": Obstacle.NO_SIGNS if taken else Obstacle.CAMERA_MOVED}
    assert ("R3" in one.why) is not taken
