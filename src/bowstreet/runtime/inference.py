"""The model runtime, without what it would tell its maker.

`import openvino` sends an event over the network from a forked process, unless its telemetry package is missing; there is no
setting that is asked first. This program tells nobody anything: the package is hidden before the import.
"""

import sys
from typing import Any

_TELEMETRY = "openvino_telemetry"


def openvino() -> Any:
    """The module. Nothing else in this program imports it (a test of the tree holds that)."""
    if "openvino" not in sys.modules:
        # Python's own way to say that a module is not there; the runtime then uses its stub.
        sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    import openvino as runtime

    return runtime
