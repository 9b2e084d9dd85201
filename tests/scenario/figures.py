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
            file.write(json.dumps({"fault": fault, **figures}) + "\n")
