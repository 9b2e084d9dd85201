"""Write docs/reliability.md from what the fault scenarios measured. The page says by which commands."""

import json
import platform
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/reliability.md"
LINES = {
    "F1": "link loss: marked stale within 3 s of silence; never tasked twice; a replacement",
    "F2": "position off, stuck or wrong: labelled untrusted; contingency",
    "F3": "battery: home with charge left",
    "F4": "dock jams: diverted to a free one; never two vehicles on one pad",
    "F6": "a pilot's console dies: flagged within 5 s",
    "F7": "kill -9: no incident lost, none flown twice, every drone home, the ledger verifies",
    "F10": "zone activated in flight, disk full: leaves; launches fail closed, flights fail safe",
    "F11": "20 calls at once: by priority; decision p99 < 1 s",
}
HEAD = """# Reliability: faults, pass lines, and what was measured

Written from a run of the fault scenarios over real MAVLink, with drones and docks in a program of their own; not by hand:

    rm -f /tmp/figures.jsonl
    BOWSTREET_FIGURES=/tmp/figures.jsonl BOWSTREET_KILLS=50 python -m pytest -m live tests/scenario
    python tools/reliability.py /tmp/figures.jsonl

Seconds are the operation's clock, 8 to 12 times as fast as ours: what the machine is late is multiplied. What each row means is
in `faults_at_once.md`, `disk_full.md`, `live_faults.md` and `kill_nine.md` of `tests/scenario`. Every row was asserted by its
test, else there would be no figure here. Faults in simulated sorties by the hundred thousand are
`make bench ARGS=sorties`; those of CADs, zones, sessions and the ledger are scenarios and tests of their own.
"""


def main() -> int:
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    parts = [HEAD, f"Python {platform.python_version()}, {platform.machine()}, 2 cores.\n"]
    for fault, line in LINES.items():
        found = [row for row in rows if row["fault"] == fault]
        parts.append(f"## {fault}: {line}\n")
        if not found:
            parts.append("Not measured in this run.\n")
            continue
        for row in found:
            said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items() if name not in ("fault", "what"))
            parts.append(f"- {row['what']}: {said}" if "what" in row else f"- {said}")
        parts.append("")
    PAGE.write_text("\n".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
