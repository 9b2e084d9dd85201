"""Finds a Chromium for the browser tests; installs it with apt when this is root on Debian, else says the one command."""

import os
import shutil
import subprocess
import sys

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find() -> str | None:
    """Path of a Chromium-family browser, or None."""
    for name in CANDIDATES:
        if path := shutil.which(name):
            return path
    return MAC_CHROME if os.access(MAC_CHROME, os.X_OK) else None


def main() -> int:
    if find():
        return 0
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print("Installing Chromium for the browser tests…")
        subprocess.run([apt, "update", "-qq"], check=False)
        done = subprocess.run([apt, "install", "-y", "-qq", "chromium"], stdout=subprocess.DEVNULL, check=False)
        if done.returncode == 0 and find():
            return 0
    how = "sudo apt-get install chromium" if apt else "brew install --cask google-chrome"
    print(f"The browser tests need Chromium: {how}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
