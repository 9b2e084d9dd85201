"""What schemathesis has to be told: how an SDP offer is sent. Loaded by it, by name."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/sdp")  # type: ignore[untyped-decorator, unused-ignore]
def sdp(ctx: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
