"""`make bench [ARGS="ledger dispatch"]`: runs the named parts, prints a table, writes benchmarks/results.json."""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
# These take long, or much disk: they run only when named.
ON_REQUEST = {"evaluate_13k", "ledger_10m", "recognition_hour"}
PARTS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, f"{value:,.4g}" if isinstance(value, float) else str(value))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or [part for part in PARTS if part not in ON_REQUEST]
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(PARTS)}")
    path = FOLDER / "results.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    results["machine"] = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    table = Table("part", "figure", "value")
    for part in chosen:
        print(f"running {part}…", file=sys.stderr, flush=True)
        results[part] = importlib.import_module(f"benchmarks.{part}").run()
        for name, figure in _flat(results[part]):
            table.add_row(part, name, figure)
        path.write_text(json.dumps(results, indent=2) + "\n")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
