"""Bodies of requests and messages of consoles: whatever the bytes, a value that fits its schema or a clear refusal."""

from datetime import UTC, datetime

import msgspec

from bowstreet.console import contracts
from bowstreet.console.accounts import NewAccount, NewToken, SetUp, SignIn
from bowstreet.console.airspace import Activation
from bowstreet.console.headers import host_allowed, host_name
from bowstreet.console.incidents import Launch, Reasoned, call_of, require_near, to_row
from bowstreet.console.live import Heartbeat
from bowstreet.console.missions import PilotCommand, to_flight
from bowstreet.console.problems import EdgeError, Misfit
from bowstreet.errors import MalformedReport
from bowstreet.intake.area import london
from bowstreet.intake.rules import parse_report

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SEEDS = [
    b'{"id":"c1","reported_at":"2026-11-23T15:00:00Z","latitude":51.54,"longitude":-0.1,"grade":"I","category":"robbery","text":"x"}',
    b'{"easting":531700,"northing":184900,"grade":"S","category":"burglary"}',
    b'{"type":"goto","latitude":51.5,"longitude":-0.1,"height_m_above_dock":60}',
    b'{"type":"orbit","latitude":51.5,"longitude":-0.1,"radius_m":40}',
    b'{"type":"gimbal","pitch_deg":-45}',
    b'{"type":"heartbeat"}',
    b'{"reason":"not needed"}',
    b'{"vehicle_id":"d1","reason":"asked for"}',
    b'{"active":true,"reason":"fireworks"}',
    b'{"name":"Ada","password":"three unrelated words","role":"pilot"}',
    b"localhost:8700",
]


def fuzz_one(data: bytes) -> None:
    for type_ in (PilotCommand, Heartbeat, Launch, Reasoned, Activation, SignIn, SetUp, NewAccount, NewToken):
        try:
            body = contracts.decode(data, type_)
        except (Misfit, EdgeError) as error:
            if not (error.message and error.remedy):
                raise AssertionError("a refusal that does not say what to do") from error
        else:
            msgspec.json.encode(body)
            if isinstance(body, PilotCommand):
                to_flight(body, 50.0)
    _call(data)
    host = data.decode("latin-1")
    if host_allowed(host, ()) and host_name(host) is None:
        raise AssertionError("an unreadable host was let in")


def _call(data: bytes) -> None:
    try:
        call = call_of(contracts.decode(data, object))
        require_near(call, london().bounding_box)
        parse_report(to_row(call, NOW), source="fuzz", area=london(), now=NOW)
    except (Misfit, EdgeError, MalformedReport) as error:
        if not (error.message and error.remedy):
            raise AssertionError("a refusal that does not say what to do") from error
