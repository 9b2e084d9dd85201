"""What a scenario measured, for docs/reliability.md: appended to the file that BOWSTREET_FIGURES names, one JSON object a line."""

import json
import os
from pathlib import Path
from typing import Any


def measured(fault: str, **figures: Any) -> None:
    """Note the figures of one fault; nothing when nobody asks for them."""
    path = os.environ.get("BOWSTREET_FIGURES")
    if path:
        with Path(path).open("a") as file:
            rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
            file.write(json.dumps({"fault": fault, **rounded}) + "\n")
