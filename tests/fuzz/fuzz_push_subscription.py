"""What a browser gives to be called by: whatever the bytes, an https address of an allowed push service with usable keys, or one clear
error."""

import json
from urllib.parse import urlsplit

from bowstreet.console import contracts
from bowstreet.console.callouts import CalledPhone
from bowstreet.errors import BowstreetError
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import KNOWN_HOSTS, Call
from bowstreet.recognition.callouts.sealed_call import seal

_KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
SEEDS = [
    json.dumps({"endpoint": endpoint, "keys": _KEYS, "consent": rules.CONSENT}).encode()
    for endpoint in (
        "https://fcm.googleapis.com/fcm/send/dGhlIGNha2U:APA91b", "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA",
        "https://web.push.apple.com/QOs4Lc", "https://db5p.notify.windows.com/w/?token=BQYA", "https://10.0.0.1/",
    )
]  # fmt: skip


def fuzz_one(data: bytes) -> None:
    try:
        said = contracts.decode(data, CalledPhone)
        address = rules.push_address(said.endpoint, said.keys.p256dh, said.keys.auth, KNOWN_HOSTS)
    except BowstreetError as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    parts = urlsplit(address.endpoint)
    if parts.scheme != "https" or parts.username is not None or parts.port not in (None, 443):
        raise AssertionError("not plain https")
    if not rules.host_allowed((parts.hostname or "").rstrip("."), KNOWN_HOSTS):
        raise AssertionError("a host that is not allowed")
    if address.endpoint in repr(address):
        raise AssertionError("the address would stand in a log")
    call = Call(alert_id="alr-1", deployment_id="dep-1")
    if len(seal(rules.words(call), address, rules.PADDED_BYTES)) != 86 + rules.PADDED_BYTES + 17:
        raise AssertionError("a call of another length")
