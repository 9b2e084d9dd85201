"""Whatever happens and whichever frames a console misses, what it shows in the end is what is."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import msgspec
from hypothesis import example, given, settings

from bowstreet.console.feed import Encoding, Feed
from bowstreet.console.frames import EVENTS_KEPT, Latest, Me, Picture
from bowstreet.console.sight import sight_of
from bowstreet.console.views import DroneView, EventView, IncidentView, MissionView, ReasonView, RunView
from bowstreet.runtime.clock import SimulatedClock

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RUN = RunView(demo="islington", speed=1.0, version="0", operator="test", demand_note="")
ME = Me(account_id="acc-1", name="A", role="viewer", may=())


def _drone(number: int, step: int, mission: int | None) -> DroneView:
    return DroneView(
        id=f"d{number}",
        dock_id="k1",
        airframe="quad",
        system_id=number + 1,
        lat=51.5 + step / 1000,
        lon=-0.1,
        heading_deg=float(step),
        ground_speed_mps=0.0,
        height_m_above_dock=0.0,
        charge_fraction=1.0,
        status="ready",
        phase=None,
        reason="",
        mission_id=None if mission is None else f"m{mission}",
    )


def _incident(number: int, reports: int, state: str) -> IncidentView:
    return IncidentView(
        id=f"i{number}",
        grade="I",
        category="robbery",
        lat=51.5,
        lon=-0.1,
        reported_at=AT,
        opened_at=AT,
        state=state,
        close_reason=None,
        reports=reports,
        mission_ids=(),
        eyes_on_at=None,
        closed_at=None,
        waiting_reason="",
    )


def _event(text: str) -> EventView:
    return EventView(seq=0, at=AT, kind="x", text=text, severity="info")


changes = st.one_of(
    st.tuples(st.just("drone"), st.integers(0, 4), st.integers(0, 5), st.none() | st.integers(0, 2)),
    st.tuples(st.just("incident"), st.integers(0, 4), st.integers(1, 3), st.sampled_from(["open", "assigned", "closed"])),
    st.tuples(st.just("event"), st.text(max_size=5), st.just(0), st.just(0)),
    st.tuples(st.just("turn"), st.booleans(), st.just(0), st.just(0)),  # True: the console takes this frame
)


class _Console:
    """A console as docs/live-feed.md tells its author to write it."""

    def __init__(self, snapshot: dict) -> None:
        self.seq = snapshot["seq"]
        self.drones = snapshot["drones"]
        self.incidents = {i["id"]: i for i in snapshot["incidents"]}
        self.events = [e["seq"] for e in snapshot["events"]]

    def take(self, tick: dict) -> None:
        assert tick["seq"] > self.seq
        self.seq = tick["seq"]
        for drone in tick.get("drones", []):
            places = {d["id"]: place for place, d in enumerate(self.drones)}
            if drone["id"] in places:
                self.drones[places[drone["id"]]] = drone
            else:
                self.drones.append(drone)
        names = ("lat", "lon", "heading_deg", "ground_speed_mps", "height_m_above_dock", "charge_fraction", "status", "phase")
        for i, *values in tick["d"]:
            self.drones[i] |= dict(zip(names, values, strict=True))
        self.incidents |= {i["id"]: i for i in tick.get("incidents", [])}
        self.events += [e["seq"] for e in tick.get("events", [])]


@settings(deadline=None)
@given(st.lists(changes, max_size=60), st.sampled_from(list(Encoding)))
@example([("drone", 4, 0, None), ("drone", 3, 0, None), ("drone", 4, 0, 0)], Encoding.JSON)
def test_a_console_that_misses_frames_misses_nothing(history: list, encoding: Encoding) -> None:
    picture = Picture(RUN, AT)
    feed = Feed(picture, lambda: None, SimulatedClock(AT))
    read = msgspec.json.decode if encoding is Encoding.JSON else msgspec.msgpack.decode
    picture.put_drones(_drone(n, 0, None) for n in range(3))
    feed.turn()
    console = _Console(read(feed.snapshot(ME, encoding)))
    for what, a, b, c in [*history, ("turn", True, 0, 0)]:
        match what:
            case "drone":
                picture.put_drones([_drone(a, b, c)])
            case "incident":
                picture.put_incident(_incident(a, b, c), None)
            case "event":
                picture.put_event(_event(a))
            case "turn":
                feed.turn()
                if a:
                    console.take(read(feed.frame(console.seq, encoding)))
    truth = read(feed.snapshot(ME, encoding))
    assert console.drones == truth["drones"]
    assert console.incidents == {i["id"]: i for i in truth["incidents"]}
    assert console.events == [e["seq"] for e in truth["events"]]
    assert console.seq == truth["seq"]


BOROUGHS = ("Camden", "Hackney", None)


def _mission(number: int, incident: int, phase: str) -> MissionView:
    return MissionView(
        id=f"m{number}", incident_id=f"i{incident}", vehicle_id="d1", dock_id="k1", phase=phase, phase_since=AT, authorised_at=AT,
        authorised_by="SECRET-WHO", eta_at=AT, eyes_on_at=None, bingo_fraction=0.3, route=((51.5, -0.1),), home=((51.5, -0.1),),
        pilot=None, pilot_account_id=None, reasons=(ReasonView(code="x", text=f"WHY-i{incident}", vehicle_id=None),),
        return_reason=None, diverted_to=None,
    )  # fmt: skip


scoped = st.one_of(
    st.tuples(st.just("incident"), st.integers(0, 5), st.integers(1, 3), st.sampled_from(["open", "closed"])),
    st.tuples(st.just("mission"), st.integers(0, 3), st.integers(0, 5), st.sampled_from(["outbound", "done"])),
    st.tuples(st.just("event"), st.integers(0, 5), st.integers(0, 5), st.just("")),
    st.tuples(st.just("drone"), st.integers(0, 4), st.integers(0, 5), st.just("")),
    st.tuples(st.just("turn"), st.booleans(), st.just(0), st.just("")),
)


@settings(deadline=None)
@given(st.lists(scoped, max_size=60), st.sets(st.sampled_from(["Camden", "Hackney"])), st.sampled_from(list(Encoding)))
def test_a_console_of_some_boroughs_is_told_of_no_incident_elsewhere(history: list, boroughs: set, encoding: Encoding) -> None:
    """In any frame it is sent, however many it missed; and of its own it misses nothing."""
    picture, sight = Picture(RUN, AT), sight_of(boroughs)
    feed = Feed(picture, lambda: None, SimulatedClock(AT))
    read = msgspec.json.decode if encoding is Encoding.JSON else msgspec.msgpack.decode
    where = {f"i{n}": BOROUGHS[n % 3] for n in range(6)}
    hidden = {name for name, borough in where.items() if boroughs and borough not in boroughs}
    sent = [feed.snapshot(ME, encoding, sight)]
    console = _Console(read(sent[0]))
    for what, a, b, c in [*history, ("turn", True, 0, "")]:
        match what:
            case "incident":
                picture.put_incident(_incident(a, b, c), where[f"i{a}"])
            case "mission":
                picture.missions.put(f"m{a}", _mission(a, b, c), picture.filling)
            case "event":
                picture.put_event(_event(f"about i{a} i{b}"), {where[f"i{a}"], where[f"i{b}"]})
            case "drone":
                picture.put_drones([_drone(a, b, None)])
            case "turn":
                feed.turn()
                if a:
                    sent.append(feed.frame(console.seq, encoding, sight))
                    console.take(read(sent[-1]))
    for frame in sent:
        told = read(frame)
        for mission in told.get("missions", []):
            assert mission["incident_id"] not in hidden
            if mission["incident_id"] == "elsewhere":
                assert (mission["route"], mission["home"], mission["reasons"], mission["authorised_by"]) == ([], [], [], "")
        assert not hidden & {one["id"] for one in told.get("incidents", [])}
    # An incident that nobody has placed yet is hidden too: a mission may be told of before its incident is.
    known = {one.id for one in picture.incidents.since(-1)}
    assert {one for one in known if one not in hidden} == set(console.incidents)
    assert not any(name.encode() in frame for name in hidden for frame in sent)
    truth = read(feed.snapshot(ME, encoding, sight))
    assert console.events == [e["seq"] for e in truth["events"]]
    assert console.drones == truth["drones"]


def test_sights_that_are_alike_share_a_frame_and_all_do_while_only_drones_move() -> None:
    picture = Picture(RUN, AT)
    feed = Feed(picture, lambda: None, SimulatedClock(AT))
    sights = [sight_of(()), sight_of(("Camden",)), sight_of(("Hackney", "Camden")), sight_of(("Camden", "Hackney"))]
    picture.put_drones([_drone(0, 1, None)])
    feed.turn()
    assert len({id(feed.frame(0, Encoding.JSON, sight)) for sight in sights}) == feed.encodes == 1
    picture.put_incident(_incident(0, 1, "open"), "Camden")
    feed.turn()
    frames = [feed.frame(1, Encoding.JSON, sight) for sight in sights]
    assert feed.encodes == 1 + 3
    assert frames[2] is frames[3]


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 3)), max_size=200), st.integers(0, 60))
def test_latest_keeps_order_and_forgets_only_what_ended(puts: list, since: int) -> None:
    latest: Latest[tuple[int, bool, int]] = Latest(lambda value: value[1], keep_ended=3)
    truth: dict[int, tuple[int, tuple[int, bool, int]]] = {}
    for seq, value in enumerate(puts):
        if truth.get(value[0], (0, None))[1] != value:
            truth[value[0]] = (seq, value)
        latest.put(str(value[0]), value, seq)
    changed = latest.since(since)
    alive = [value for seq, value in sorted(truth.values()) if seq > since and not value[1]]
    assert [value for value in changed if not value[1]] == alive
    assert all(truth[value[0]][1] == value for value in changed)
    assert sum(value[1] for value in latest.since(-1)) <= 3 + len(puts) // 4


def test_nothing_changed_says_nothing() -> None:
    picture = Picture(RUN, AT)
    picture.put_drones([_drone(0, 0, None)])
    picture.turn(AT)
    picture.put_drones([_drone(0, 0, None)])
    picture.turn(AT + timedelta(seconds=0.2))
    assert msgspec.json.encode(picture.tick(1)) == b'{"type":"tick","seq":2,"at":"2026-11-23T15:00:00.200000Z","d":[]}'


def test_who_missed_too_much_starts_again() -> None:
    picture = Picture(RUN, AT)
    for _ in range(3):
        picture.turn(AT)
    for number in range(EVENTS_KEPT + 1):
        picture.put_event(_event(str(number)))
    picture.turn(AT)
    assert not picture.reaches(2)
    for _ in range(400):
        picture.turn(AT)
    assert not picture.reaches(3)
    assert picture.reaches(picture.seq - 1)


def test_one_encode_for_all_who_keep_up() -> None:
    picture = Picture(RUN, AT)
    picture.put_drones(_drone(n, 0, None) for n in range(300))
    feed = Feed(picture, lambda: None, SimulatedClock(AT))
    for step in range(10):
        picture.put_drones(_drone(n, step, None) for n in range(300))
        feed.turn()
        for _ in range(20):
            feed.frame(feed.seq - 1, Encoding.JSON)
    assert feed.encodes == 10
