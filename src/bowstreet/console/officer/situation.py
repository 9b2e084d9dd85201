"""One incident as a phone may know it, asked of the running services; and what is news of it, for as long as somebody looks."""

from collections import deque
from datetime import datetime, timedelta

from bowstreet.console.officer import views as v
from bowstreet.console.services import ConsoleServices
from bowstreet.console.viewings import picture_of
from bowstreet.dispatch.officers import rules
from bowstreet.dispatch.officers.model import Alert, Lock, OfficerLink, Situation, Subject, Told
from bowstreet.flight.model import Mission, Phase
from bowstreet.intake.model import Incident
from bowstreet.tracking.model import FollowFound, FollowPhase
from bowstreet.video.model import Codec, StreamState
from bowstreet.video.service import Stream

LOOK_EVERY_S = 0.5
# Told again to a phone whose link was broken: what came before is over.
MOST_ALERTS = 12
RATE_OVER_S = 4.0
_LOCKS = {
    FollowPhase.HELD: Lock.SEEN, FollowPhase.COASTING: Lock.UNSEEN, FollowPhase.ASKING: Lock.UNSEEN, FollowPhase.LOST: Lock.LOST,
}  # fmt: skip


class Situations:
    """What phones are shown, looked at only while one is open.

    A link's alerts begin when it is first opened, and are counted, so that each phone hears each once however its link breaks.
    """

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self._links: dict[str, _Pulse] = {}
        self._rates: dict[str, _Rate] = {}

    def pulse(self, link: OfficerLink) -> "_Pulse":
        """What has been told by this link."""
        known = self._links.get(link.link_id)
        if known is None:
            first = int(self._services.real_clock.now().timestamp() * 1e3)
            known = self._links[link.link_id] = _Pulse(rules.begun(self.now(link.incident_id)), first)
        return known

    def forget(self, link_id: str) -> None:
        self._links.pop(link_id, None)

    def look(self, link: OfficerLink) -> v.StateView:
        """The state to send now; what is news is noted."""
        incident = self._services.intake.incidents.get(link.incident_id)
        pulse, now = self.pulse(link), self._services.clock.now()
        pulse.look(self.now(link.incident_id), link, self._services.real_clock.now(), told_at=now)
        found = picture_of(self._services, incident.incident_id)
        return v.StateView(
            now=now, speed=self._services.run.speed, scene=_scene(incident), watcher=self._watcher(incident.incident_id),
            subject=v.subject(self._subject(incident.incident_id)), picture=self._picture(None if found is None else found[1]),
            alerts=tuple(pulse.alerts), expires_at=link.expires_at,
        )  # fmt: skip

    def now(self, incident_id: str) -> Situation:
        mission = self._services.dispatch.serving(incident_id)
        found = picture_of(self._services, incident_id)
        return Situation(
            watching="" if mission is None else mission.vehicle_id, eyes_on=_eyes_on(mission),
            picture=found is not None and _is_live(found[1]), subject=self._subject(incident_id),
        )  # fmt: skip

    def _subject(self, incident_id: str) -> Subject:
        mission = self._services.dispatch.serving(incident_id)
        latest = None if mission is None else self._services.follows.latest(mission.vehicle_id)
        standing = None if mission is None else self._services.follows.of_vehicle(mission.vehicle_id)
        if latest is None or latest.follow is None or standing is None or standing.follow.incident_id != incident_id:
            return Subject(lock=Lock.NOBODY)
        return subject_of(latest.follow)

    def _watcher(self, incident_id: str) -> v.WatcherView | None:
        mission = self._services.dispatch.serving(incident_id)
        if mission is None:
            return None
        view = self._services.flight.picture.vehicle(mission.vehicle_id)
        heard = view.telemetry
        eyes_on = _eyes_on(mission)
        return v.WatcherView(
            name=mission.vehicle_id, at=v.place(heard.position) if heard is not None and view.position_trusted else None,
            heading_deg=0.0 if heard is None else round(heard.heading_deg),
            height_m=0.0 if heard is None else round(heard.height_m_above_dock), eyes_on=eyes_on,
            eta_at=None if eyes_on else mission.authorised_at + timedelta(seconds=mission.plan.expected_eyes_on_s),
        )  # fmt: skip

    def _picture(self, stream: Stream | None) -> v.PictureState:
        if stream is None:
            return v.PictureState(shown=False, why="no drone with a camera serves this incident now", kbps=0, webrtc=False)
        status = stream.ingest.status
        rate = self._rates.setdefault(stream.source.source_id, _Rate())
        kbps = rate.kbps(status.octets, self._services.video.clock.monotonic_s())
        webrtc = stream.format is not None and stream.format.codec is Codec.H264
        if _is_live(stream):
            return v.PictureState(shown=True, why="", kbps=kbps, webrtc=webrtc)
        why = f"its stream is {status.state}" if stream.order.live else stream.order.why
        return v.PictureState(shown=False, why=why, kbps=kbps, webrtc=webrtc)


class _Pulse:
    """What has been told by one link so far.

    Args:
        first: what alerts are counted from. It is the time (Unix, milliseconds), for a phone keeps the number that it heard last:
            the program may be started again meanwhile, and what it tells then is new. It tells fewer than a thousand a second.
    """

    def __init__(self, told: Told, first: int) -> None:
        self._told = told
        self._said_end = False
        self._seq = first
        self.alerts: deque[v.SilentAlertView] = deque(maxlen=MOST_ALERTS)

    def look(self, situation: Situation, link: OfficerLink, now: datetime, *, told_at: datetime) -> None:
        """`now` by this machine's clock, as pictures and phones have it; `told_at` by the operation's, as people read it."""
        self._told, news = rules.tell(self._told, situation, now)
        if rules.ends_soon(link, now) and not self._said_end:
            self._said_end = True
            news = (*news, Alert.ENDS_SOON)
        for kind in news:
            self._seq += 1
            self.alerts.append(v.SilentAlertView(seq=self._seq, at=told_at, kind=kind))


class _Rate:
    """Of a stream, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def kbps(self, octets: int, now_s: float) -> int:
        if self._seen and octets < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now_s, octets))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > RATE_OVER_S:
            self._seen.popleft()
        first = self._seen[0]
        return 0 if now_s - first[0] < 0.5 else round((octets - first[1]) * 8 / 1e3 / (now_s - first[0]))


def subject_of(found: FollowFound) -> Subject:
    lock = _LOCKS.get(found.phase, Lock.NOBODY)
    if lock is Lock.NOBODY:
        return Subject(lock=lock)
    place, motion = found.place, found.motion
    return Subject(
        lock=lock, shape="" if found.shape is None else found.shape, position=None if place is None else place.position,
        within_m=0.0 if place is None else place.ellipse.semi_major_m, speed_mps=0.0 if motion is None else motion.speed_mps,
        direction_deg=None if motion is None else motion.direction_deg, unseen_s=found.unseen_s,
    )  # fmt: skip


def _eyes_on(mission: Mission | None) -> bool:
    if mission is None:
        return False
    return mission.phase is Phase.ON_SCENE or (mission.phase is Phase.CONTROLLED and mission.eyes_on_at is not None)


def _is_live(stream: Stream) -> bool:
    return stream.order.live and stream.ingest.status.state is StreamState.LIVE


def _scene(incident: Incident) -> v.SceneView:
    return v.SceneView(
        grade=incident.grade, category=incident.category, at=v.place(incident.position), state=incident.state,
        opened_at=incident.opened_at, eyes_on_at=incident.eyes_on_at,
    )  # fmt: skip
