"""Build hook: a wheel carries the web console and the models, made here with the Node that comes from PyPI."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds `console/` and fetches the models into the package, unless the build is an editable one (make does it then)."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / "src/bowstreet/console/static/index.html").exists():
            subprocess.run([sys.executable, str(root / "tools/build_console.py")], check=True)
        subprocess.run([sys.executable, str(root / "tools/fetch_models.py")], check=True)
