"""Deployments, alerts and public records by rules alone: whatever is done in whatever order, nothing is processed without authority."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from bowstreet.accountability.authority import rules as authority
from bowstreet.accountability.authority.model import Authorisation, Ground, Place, State
from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.errors import BadInput, BowstreetError, Conflict, Refused
from bowstreet.frames import CameraFrame
from bowstreet.geo import Position
from bowstreet.recognition import answers, publication, rules, volunteers
from bowstreet.recognition.alerts import rules as alerts
from bowstreet.recognition.alerts.model import (
    Alert,
    AlertState,
    Disposal,
    IdentityFound,
    Judgement,
    NotEngaged,
)
from bowstreet.recognition.model import (
    Amendment,
    Category,
    Deployment,
    DeploymentState,
    DeploymentUse,
    EvidenceKind,
    LocationBasis,
    Manifest,
    Obstacle,
    Opportunity,
    PlacedCamera,
    Plan,
    PublicEvidence,
    Risk,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HERE, THERE = Position(latitude_deg=51.5465, longitude_deg=-0.1030), Position(latitude_deg=51.5470, longitude_deg=-0.1032)
ZONE = tuple(
    Position(latitude_deg=lat, longitude_deg=lon)
    for lat, lon in ((51.5455, -0.1045), (51.5475, -0.1045), (51.5475, -0.1015), (51.5455, -0.1015))
)
PIXELS = np.zeros((1, 1, 3), dtype=np.uint8)
FLOOR = 0.4


def a_plan(**changes: Any) -> Plan:
    plan = Plan(
        use_case=DeploymentUse.WANTED, location_basis=LocationBasis.CRIME_HOTSPOT, zone=ZONE, boroughs=("Islington",),
        starts_at=NOW, ends_at=NOW + timedelta(hours=4), threshold=0.5, model_sha256="m",
        cameras=tuple(PlacedCamera(camera_id=name, position=HERE) for name in ("north", "south")),
    )  # fmt: skip
    return replace(plan, **changes)


def a_manifest(digest: str = "l1", **changes: Any) -> Manifest:
    made = Manifest(
        watchlist_id="wl-1", digest=digest, people=6, images=12, categories={Category.WANTED_BY_COURT: 6}, enrolled_by="operator",
        enrolled_at=NOW, policy=answers.POLICY_VERSION, model_sha256="m",
    )  # fmt: skip
    return replace(made, **changes)


class Deployed(RuleBasedStateMachine):
    """One deployment, its authority, its list in memory, the record and the clock; anybody does anything at any time."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW - timedelta(hours=1)
        self.one = Deployment(deployment_id="dep-1", plan=a_plan(), planned_by="operator", planned_at=self.now)
        self.authorities: dict[str, Authorisation] = {}
        self.loaded = ""
        self.ledger = self.report = True
        self.floor: float | None = FLOOR
        self.model = "m"
        self.approved: set[tuple[str, str]] = set()  # what an officer saw: digests of plan and list
        self.signs: set[tuple[str, Position]] = set()  # before which camera, standing where, one was put up
        self.elsewhere: dict[str, Position] = {}  # where cameras stand that somebody said were moved

    def attempt(self, work: Any) -> None:
        before = self.one
        with contextlib.suppress(Refused, BadInput):
            self.one = work()
        if self.one.state is DeploymentState.PLANNED:  # where it stands is said anew; its sign may be anywhere
            if before.state is not DeploymentState.PLANNED:
                self.signs = {(camera, at) for camera, at in self.signs if camera not in self.elsewhere}
            self.elsewhere = {}

    def standing(self) -> rules.Standing:
        return rules.Standing(
            deployment=self.one, authority=self.authorities.get(self.one.authorisation_id), ledger_holds=self.ledger,
            loaded_digest=self.loaded, report_covers=self.report, floor=self.floor,
            model_sha256=self.model, cameras=frozenset({"north", "south"}),
        )  # fmt: skip

    def ask(self, plan: Plan) -> str:
        name = f"aut-{len(self.authorities)}"
        self.authorities[name] = Authorisation(
            authorisation_id=name, use_case=AuthorityUseCase.RECOGNITION, ground=Ground.SERIOUS_CRIME, subject_id="dep-1",
            place=Place(boroughs=plan.boroughs), starts_at=max(plan.starts_at, self.now), ends_at=plan.ends_at,
            requested_by="operator", requested_at=self.now,
        )  # fmt: skip
        return name

    def digests(self, plan: Plan) -> tuple[str, str]:
        return rules.digest_of(plan), self.one.list_digest

    # --- what people do -------------------------------------------------------------------------------------------------------

    @rule(
        threshold=st.sampled_from([0.4, 0.5, 0.9]),
        cameras=st.sampled_from([("north",), ("north", "south")]),
        where=st.sampled_from([HERE, THERE]),
        model=st.sampled_from(["m", "other"]),
    )
    def plan_again(self, threshold: float, cameras: tuple[str, ...], where: Position, model: str) -> None:
        placed = tuple(PlacedCamera(camera_id=name, position=where) for name in cameras)
        self.attempt(lambda: rules.replanned(self.one, a_plan(threshold=threshold, cameras=placed, model_sha256=model)))

    @rule(
        digest=st.sampled_from(["l1", "l2"]), to_review=st.booleans(), policy=st.sampled_from([answers.POLICY_VERSION, "older"])
    )
    def list_again(self, digest: str, to_review: bool, policy: str) -> None:
        manifest = a_manifest(digest, to_review=("per-1",) if to_review else (), policy=policy)
        self.attempt(lambda: rules.listed(self.one, manifest))

    @rule(kind=st.sampled_from(EvidenceKind), cameras=st.sampled_from([(), ("north",), ("north", "south")]))
    def tell(self, kind: EvidenceKind, cameras: tuple[str, ...]) -> None:
        told = PublicEvidence(
            kind=kind, since=self.now, recorded_at=self.now, by="operator", reference="r",
            camera_ids=cameras if kind is EvidenceKind.SIGN else (),
        )  # fmt: skip
        self.attempt(lambda: rules.told(self.one, told, self.now))
        if told in self.one.evidence:
            placed = [one for one in self.one.plan.cameras if one.camera_id in told.camera_ids]
            self.signs |= {(one.camera_id, one.position) for one in placed}

    @rule()
    def submit(self) -> None:
        def work() -> Deployment:
            rules.submitted(self.one, "")
            return rules.submitted(self.one, self.ask(self.one.plan))

        self.attempt(work)

    @rule(by=st.sampled_from(["officer", "operator", "another"]), allow=st.booleans())
    def decide(self, by: str, allow: bool) -> None:
        waiting = [one for one in self.authorities.values() if one.state is State.REQUESTED]
        for one in waiting[-1:]:
            try:
                decided = authority.decided(one, by, allow, self.now)
            except Refused:
                assert by == "operator" or authority.expired(one, self.now) is not None
                return
            self.authorities[one.authorisation_id] = decided
            amendment = self.one.amendment
            about = (
                amendment.plan if amendment is not None and amendment.authorisation_id == one.authorisation_id else self.one.plan
            )
            if allow:
                self.approved.add(self.digests(about))
            self.attempt(lambda decided=decided: rules.adopted(rules.decided(self.one, decided), decided))  # type: ignore[misc]

    @rule()
    def revoke(self) -> None:
        standing = self.authorities.get(self.one.authorisation_id)
        if standing is not None and standing.state is State.IN_FORCE:
            self.authorities[standing.authorisation_id] = replace(standing, state=State.REVOKED)

    @rule(
        camera=st.sampled_from(["north", "south"]), where=st.sampled_from([HERE, THERE]), threshold=st.sampled_from([0.4, 0.5]),
        onwards=st.booleans(),
    )  # fmt: skip
    def amend(self, camera: str, where: Position, threshold: float, onwards: bool) -> None:
        """From the plan that stands, or on from the one that waits."""
        before, waits = self.one, self.one.amendment
        start = waits.plan if waits is not None and onwards else before.plan
        placed = tuple(replace(one, position=where) if one.camera_id == camera else one for one in start.cameras)
        plan, locked = replace(start, cameras=placed, threshold=threshold), before.plan.threshold != threshold

        def work() -> Deployment:
            rules.amended(before, Amendment(plan=plan, authorisation_id="", asked_by="operator"))
            return rules.amended(before, Amendment(plan=plan, authorisation_id=self.ask(plan), asked_by="operator"))

        self.attempt(work)
        assert not locked or self.one == before  # R13: locked from the submission on
        if self.one is not before:
            moved = rules.moved_cameras(before.plan, plan)
            self.elsewhere |= {one.camera_id: one.position for one in placed if one.camera_id in moved}

    @rule(camera=st.sampled_from(["north", "south"]))
    def put_back(self, camera: str) -> None:
        before = self.one
        self.attempt(lambda: rules.put_back(self.one, camera))
        if self.one is not before:
            del self.elsewhere[camera]

    @rule(by=st.sampled_from(["operator", "officer", "another"]))
    def start(self, by: str) -> None:
        if self.one.manifest is not None:
            self.loaded = self.one.manifest.digest
        self.attempt(lambda: rules.started(self.standing(), by, self.now))
        if self.one.state is DeploymentState.RUNNING and self.one.started_by == by == "officer":
            standing = self.authorities[self.one.authorisation_id]
            assert standing.decided_by != "officer"  # R3

    @rule()
    def stop(self) -> None:
        self.attempt(lambda: rules.stopped(self.one, "by a person"))

    @rule()
    def withdraw(self) -> None:
        self.attempt(lambda: rules.withdrawn(self.one, "withdrawn"))

    @rule()
    @precondition(lambda self: self.one.started_at is not None)
    def close(self) -> None:
        self.attempt(lambda: rules.closed(self.one, self.now, "closed"))

    @rule()
    def destroy(self) -> None:
        if rules.destroy_now(self.one, 0, self.now):
            self.one, self.loaded = rules.destroyed(self.one, self.now), ""

    @rule()
    @precondition(lambda self: self.one.state is DeploymentState.PLANNED)
    def go_all_the_way(self) -> None:
        """The proper way, which chance alone would seldom find."""
        self.now = max(self.now, NOW)
        self.ledger, self.report, self.floor, self.model = True, True, FLOOR, "m"
        self.attempt(lambda: rules.replanned(self.one, replace(self.one.plan, model_sha256="m")))
        self.list_again("l1", False, answers.POLICY_VERSION)
        self.tell(EvidenceKind.NOTICE, ())
        self.tell(EvidenceKind.SIGN, tuple(camera.camera_id for camera in self.one.plan.cameras))
        self.submit()
        self.decide("officer", True)
        self.start("operator")

    # --- what happens ---------------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 61, 250]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(holds=st.booleans())
    def the_disk(self, holds: bool) -> None:
        self.ledger = holds

    @rule(digest=st.sampled_from(["", "l1", "l2", "tampered"]))
    def the_list_in_memory(self, digest: str) -> None:
        self.loaded = digest

    @rule(model=st.sampled_from(["", "m", "other"]))
    def the_program_starts_again_with_a_model(self, model: str) -> None:
        self.model = model
        self.attempt(lambda: rules.stopped(self.one, "the program ended while it ran"))

    @rule(covers=st.booleans(), floor=st.sampled_from([None, FLOOR, 0.6]))
    def the_model(self, covers: bool, floor: float | None) -> None:
        self.report, self.floor = covers, floor

    # --- what always holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_processed_without_a_live_authority(self) -> None:
        if not hasattr(self, "one"):
            return
        for camera in ("north", "south", "elsewhere"):
            frame = CameraFrame(camera_id=camera, sequence=1, captured_at=self.now, pixels=PIXELS)
            if rules.may_process(frame, self.standing(), self.now) is not None:
                continue
            standing = self.authorities[self.one.authorisation_id]
            assert standing.state is State.IN_FORCE
            assert self.one.manifest is not None
            people = {standing.requested_by, self.one.started_by, self.one.planned_by, self.one.manifest.enrolled_by}
            assert standing.decided_by not in (None, *people)  # R3
            assert standing.starts_at <= self.now < standing.ends_at
            assert self.one.plan.starts_at <= self.now < self.one.plan.ends_at
            assert self.one.state is DeploymentState.RUNNING
            assert self.ledger
            # One model everywhere: planned, authorised, in the list, in use.
            assert self.one.plan.model_sha256 == self.one.manifest.model_sha256 == self.model
            # Exactly what an officer approved: that plan, with its cameras where they stand, and that list.
            assert (rules.digest_of(self.one.plan), self.loaded) in self.approved
            assert camera in {one.camera_id for one in self.one.plan.cameras}
            assert camera not in self.one.moved
            # The public was told, where that camera stands now (R15).
            [stands] = [one.position for one in self.one.plan.cameras if one.camera_id == camera]
            assert (camera, stands) in self.signs
            assert self.elsewhere.get(camera, stands) == stands  # as far as anybody said

    @invariant()
    def a_lease_ends_with_whatever_ends_first(self) -> None:
        if not hasattr(self, "one"):
            return
        until = rules.lease_until(self.standing(), self.now)
        if until is not None:
            assert until <= min(self.now + rules.LEASE, self.one.plan.ends_at)
            assert until <= self.authorities[self.one.authorisation_id].ends_at

    @invariant()
    def what_is_over_stays_over(self) -> None:
        if not hasattr(self, "one") or not self.one.state.is_over:
            return
        frame = CameraFrame(camera_id="north", sequence=1, captured_at=self.now, pixels=PIXELS)
        assert rules.may_process(frame, self.standing(), self.now) is Obstacle.NOT_RUNNING


Deployed.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeployment = Deployed.TestCase


@pytest.mark.parametrize(("hole", "says"), [("_not_covered", None), ("_list_wrong", None), ("kept_out", {})])
def test_the_search_would_find_a_hole(monkeypatch: pytest.MonkeyPatch, hole: str, says: object) -> None:
    """With any part of the check taken out, something is processed that nobody authorised, or unannounced, and it is found."""
    monkeypatch.setattr(rules, hole, lambda *_: says)
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(
            Deployed,
            settings=settings(
                max_examples=1_000, stateful_step_count=50, deadline=None, database=None, report_multiple_bugs=False
            ),
        )


def test_a_camera_is_kept_out_until_a_sign_stands_where_it_is() -> None:
    """R15, R18: its sign stayed where the camera was; the other one goes on."""
    signed = PublicEvidence(
        kind=EvidenceKind.SIGN, since=NOW, recorded_at=NOW, by="operator", reference="r", camera_ids=("north", "south")
    )
    one = Deployment(
        deployment_id="dep-1", plan=a_plan(), planned_by="operator", planned_at=NOW, state=DeploymentState.RUNNING, evidence=(signed,)
    )  # fmt: skip
    assert rules.kept_out(one, NOW) == {}
    assert rules.kept_out(one, NOW - timedelta(seconds=1)) == dict.fromkeys(("north", "south"), Obstacle.NO_SIGNS)
    plan = a_plan(cameras=(PlacedCamera(camera_id="north", position=THERE), *a_plan().cameras[1:]))
    moved = rules.amended(one, Amendment(plan=plan, authorisation_id="aut-2", asked_by="operator"))
    assert rules.kept_out(moved, NOW) == {"north": Obstacle.CAMERA_MOVED}
    asked = Authorisation(
        authorisation_id="aut-2", use_case=AuthorityUseCase.RECOGNITION, ground=Ground.SERIOUS_CRIME, subject_id="dep-1",
        place=Place(boroughs=plan.boroughs), starts_at=NOW, ends_at=plan.ends_at, requested_by="operator", requested_at=NOW,
    )  # fmt: skip
    adopted = rules.adopted(moved, authority.decided(asked, "officer", True, NOW))
    assert (adopted.plan, rules.kept_out(adopted, NOW)) == (plan, {"north": Obstacle.NO_SIGNS})
    later = NOW + timedelta(minutes=20)
    told = rules.told(adopted, replace(signed, since=later, camera_ids=("north",)), later)
    assert rules.kept_out(told, NOW) == {"north": Obstacle.NO_SIGNS}, "what it saw before the sign stood is not used"
    assert rules.kept_out(told, later) == {}


# --- alerts ---------------------------------------------------------------------------------------------------------------------


def an_alert(**changes: Any) -> Alert:
    made = Alert(
        alert_id="alr-1", deployment_id="dep-1", camera_id="north", track_id="1", person_id="a", category=Category.SUSPECTED,
        risk=Risk.NONE_KNOWN, minor_or_vulnerable=False, score=0.7, threshold=0.5, quality=0.5, looks=3, seen_at=NOW,
        raised_at=NOW, borough="Islington",
    )  # fmt: skip
    return replace(made, **changes)


class Adjudicated(RuleBasedStateMachine):
    """One alert, three officers, any order."""

    officers = st.sampled_from(["one", "two", "three"])

    @initialize()
    def begin(self) -> None:
        self.alert, self.now = an_alert(), NOW
        self.acted: list[str] = []

    def attempt(self, work: Any, by: str) -> None:
        try:
            changed = work()
        except (BowstreetError, Conflict):
            return
        if changed.outcome != self.alert.outcome or changed.state is AlertState.ENGAGED:
            self.acted.append(by)
        self.alert = changed

    @rule(by=officers)
    def view(self, by: str) -> None:
        self.alert = alerts.viewed(self.alert, by)

    @rule(by=officers)
    def claim(self, by: str) -> None:
        self.attempt(lambda: alerts.claimed(self.alert, by, self.now), by)

    @rule(by=officers)
    def release(self, by: str) -> None:
        self.attempt(lambda: alerts.released(self.alert, by), by)

    @rule(by=officers)
    def ask(self, by: str) -> None:
        self.attempt(lambda: alerts.opinion_asked(self.alert, by, self.now), by)

    @rule(by=officers, judgement=st.sampled_from(Judgement))
    def opine(self, by: str, judgement: Judgement) -> None:
        self.attempt(lambda: alerts.opinion_given(self.alert, by, judgement, self.now), by)

    @rule(
        by=officers, engage=st.booleans(), judgement=st.sampled_from(Judgement),
        why_not=st.one_of(st.none(), st.sampled_from(NotEngaged)),
    )  # fmt: skip
    def decide(self, by: str, engage: bool, judgement: Judgement, why_not: NotEngaged | None) -> None:
        before = self.alert
        self.attempt(lambda: alerts.decided(before, by, engage, judgement, why_not, self.now), by)
        if self.alert is not before:
            assert before.claimed_by == by
            assert by in before.viewed_by
            assert not engage or judgement is not Judgement.NOT_SAME

    @rule(by=officers, identity=st.sampled_from(IdentityFound), disposal=st.sampled_from(Disposal))
    def settle(self, by: str, identity: IdentityFound, disposal: Disposal) -> None:
        self.attempt(lambda: alerts.settled(self.alert, by, identity, disposal, self.now), by)

    @rule(seconds=st.sampled_from([30, 200, 700, 50_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.alert = alerts.timed_out(self.alert, self.now) or self.alert

    @invariant()
    def no_outcome_without_a_person(self) -> None:
        """R11: whatever was decided bears an officer who looked; time and scores decide nothing."""
        if not hasattr(self, "alert"):
            return
        if self.alert.outcome is not None:
            assert self.acted
            assert set(self.acted) <= set(self.alert.viewed_by)
        if self.alert.state is AlertState.LAPSED:
            assert self.alert.outcome is None


Adjudicated.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAdjudication = Adjudicated.TestCase


# --- what the public is told ---------------------------------------------------------------------------------------------------

counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), max_size=8)


@given(counts)
def test_no_group_told_is_smaller_than_five(given_counts: dict[str, int]) -> None:
    told = publication.grouped(given_counts)
    whole = sum(given_counts.values())
    if all(count is not None for count in told.values()):
        assert sum(count or 0 for count in told.values()) == whole
    for name, count in told.items():
        assert count is None or count >= 5
        if name != publication.OTHERS:
            assert count == given_counts[name]
        elif count is None:
            assert whole < 5  # then no other group is told from which it could be subtracted
            assert list(told) == [publication.OTHERS]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 600)), max_size=8),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 600)), max_size=8),
)
def test_passes_and_alerts_of_volunteers_meet_once(alerted: list[tuple[str, int]], passed: list[tuple[str, int]]) -> None:
    seeded = [
        an_alert(alert_id=f"alr-{n}", person_id=who, seen_at=NOW + timedelta(seconds=at)) for n, (who, at) in enumerate(alerted)
    ]
    walked = [
        Opportunity(
            opportunity_id=f"pas-{n}", deployment_id="dep-1", person_id=who, camera_id="north", at=NOW + timedelta(seconds=at),
            noted_by="operator",
        )
        for n, (who, at) in enumerate(passed)
    ]  # fmt: skip
    hits, strays = volunteers.recognised(seeded, walked)
    assert 0 <= hits <= min(len(seeded), len(walked))
    assert strays == len(seeded) - hits


def test_a_minor_needs_a_second_person_before_anything_is_asked() -> None:
    one = Deployment(deployment_id="dep-1", plan=a_plan(), planned_by="operator", planned_at=NOW)
    told = PublicEvidence(kind=EvidenceKind.NOTICE, since=NOW, recorded_at=NOW, by="operator", reference="n")
    one = rules.told(rules.listed(one, a_manifest(to_review=("per-1",))), told, NOW)
    with pytest.raises(Refused, match="R6"):
        rules.submitted(one, "aut-1")
    assert rules.submitted(rules.listed(one, a_manifest()), "aut-1").state is DeploymentState.SUBMITTED
