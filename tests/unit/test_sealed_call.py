"""Calls as push services carry them: the example of RFC 8291, and other people's code on the other end."""

import base64
import json

import http_ece
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.integration.push_peer import Browser, base64url, claims_of
from tests.unit.recognition_world import NOW

from bowstreet.accountability.recorder import Recorder
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import KNOWN_HOSTS, PushAddress
from bowstreet.recognition.callouts.sealed_call import seal, seal_with
from bowstreet.recognition.callouts.server_key import KIND, ServerKey, own_key
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore


def raw(said: str) -> bytes:
    return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))


def test_the_example_of_rfc_8291() -> None:
    """Appendix A, with its own key and salt."""
    scalar = raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    own = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())
    plain = b"When I grow up, I want to be a watermelon"
    to = PushAddress(
        endpoint="https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        public_key=raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        secret=raw("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    made = seal_with(plain, to, len(plain), own, raw("DGv6ra1nlYgDCS1FRnbzlw"))
    assert base64url(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_only_that_browser_opens_it_and_every_call_is_as_long() -> None:
    browser, other = Browser(), Browser()
    to = rules.push_address(f"https://{KNOWN_HOSTS[0]}/x", browser.keys["p256dh"], browser.keys["auth"], KNOWN_HOSTS)
    made = [seal(text, to, rules.PADDED_BYTES) for text in (b"", b"short", b"x" * rules.PADDED_BYTES)]
    assert [browser.opened(one) for one in made] == ["", "short", "x" * rules.PADDED_BYTES]
    assert len({len(one) for one in made}) == 1
    assert len({one[:16] for one in made}) == len({one[21:86] for one in made}) == 3  # a new salt and key each time
    with pytest.raises((InvalidTag, http_ece.ECEException)):
        other.opened(made[1])


def test_who_calls_is_signed_for_one_push_service_and_an_hour() -> None:
    key = ServerKey(ec.generate_private_key(ec.SECP256R1()), "mailto:duty@example.org")
    header = key.authorisation("https://web.push.apple.com/secret/path", NOW)
    claims, said = claims_of(header)
    assert said == key.application_server_key
    assert claims == {"aud": "https://web.push.apple.com", "exp": int(NOW.timestamp()) + 3_600, "sub": "mailto:duty@example.org"}
    point = raw(said)
    public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:])})
    token = header.split("t=")[1].split(",")[0]
    assert jwt.decode(token, public, algorithms=["ES256"]).claims == claims  # a second opinion on the signature
    assert "sub" not in claims_of(ServerKey(ec.generate_private_key(ec.SECP256R1())).authorisation("https://a.example/", NOW))[0]


async def test_the_key_is_made_once_and_no_two_programs_have_one() -> None:
    keys = []
    for _ in range(2):
        store, clock = MemoryStore(), SimulatedClock(NOW)
        recorder = Recorder(store, InlineBus(), clock)
        await recorder.open()
        first = await own_key(recorder, "")
        assert (await own_key(recorder, "")).application_server_key == first.application_server_key
        [record] = await store.find(KIND)
        assert set(json.loads(record.body)) == {"key_id", "scalar"}
        keys.append(first.application_server_key)
    assert keys[0] != keys[1]
