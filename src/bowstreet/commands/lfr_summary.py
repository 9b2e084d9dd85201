"""What a run says of itself at the end, for machines. It names nobody."""

from collections import Counter
from typing import Any

import msgspec

from bowstreet import __version__
from bowstreet.commands.lfr_watch import Ended, Watch
from bowstreet.process import Process
from bowstreet.recognition.model import Deployment


def summary(process: Process, one: Deployment, watch: Watch, why: Ended) -> dict[str, Any]:
    counts = process.recognition.counts(one)
    manifest = one.manifest
    states = Counter(alert.state.value for alert in process.recognition.alerts.of(one.deployment_id))
    return {
        "deployment_id": one.deployment_id,
        "state": one.state.value,
        "ended": one.why or why.value,
        "authorisation_id": one.authorisation_id,
        "started_at": one.started_at.isoformat() if one.started_at else None,
        "closed_at": one.closed_at.isoformat() if one.closed_at else None,
        "threshold": one.plan.threshold,
        "model_sha256": one.plan.model_sha256,
        "faces_seen": counts.tracks,
        "counts": msgspec.to_builtins(counts),
        "alerts": {"raised": counts.alerts, "by_state": dict(sorted(states.items()))},
        "cameras": {camera: msgspec.to_builtins(state) for camera, state in watch.states.items()},
        "list": None
        if manifest is None
        else {
            "people": manifest.people,
            "images": manifest.images,
            "destroyed_at": manifest.destroyed_at.isoformat() if manifest.destroyed_at else None,
        },
        "public_record_sha256": one.record_digest or None,
        "version": __version__,
    }
