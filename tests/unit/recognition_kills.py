"""A closed deployment whose list is destroyed, by a process that dies at one step of it.

python -m tests.unit.recognition_kills FOLDER STEP
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.recognition_world import NOW, World
from tests.unit.retention_world import Killing

ACTS = ("order", "receipt", "destroyed", "published")
STEPS = tuple(f"{when}-{act}" for act in ("order", "keys", "receipt", "destroyed", "published") for when in ("before", "after"))


async def _killed(folder: Path, step: str) -> None:
    killing = Killing(step)
    world = await World(folder, at=NOW + timedelta(hours=1), seed=2, killing=killing).started()
    real, acts = world.recorder.record, 0

    async def record(**act) -> None:  # type: ignore[no-untyped-def]
        nonlocal acts
        name = ACTS[acts]
        acts += 1
        killing.here(f"before-{name}")
        await real(**act)
        killing.here(f"after-{name}")

    world.recorder.record = record  # type: ignore[method-assign]
    await world.recognition.destroy_due()


if __name__ == "__main__":
    asyncio.run(_killed(Path(sys.argv[1]), sys.argv[2]))
    print(f"nothing killed it at {sys.argv[2]}, {datetime.now(UTC)}")
