"""The data directory: what lies in it, and that one process at a time runs on it."""

import fcntl
import os
from pathlib import Path

from bowstreet.errors import StoreUnavailable

RECORD_FILE = "record.db"
TELEMETRY_FILE = "telemetry.db"
LOCK_FILE = "bowstreet.lock"


class DataDirectory:
    """A directory held by this process until `release`, or until it dies: the kernel lets go of the lock (flock) by itself.

    It is made if it is missing, for its owner only: the record holds personal data.

    Raises:
        StoreUnavailable: when another process runs on it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"the data directory {path} cannot be used ({error.strerror})", remedy="name one that may be written, with --data"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise StoreUnavailable(
                f"the data directory {path} is in use by process {holder}",
                remedy="stop that one first, or name another with --data",
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    @property
    def record(self) -> Path:
        """The record: incidents, missions, accounts, the ledger."""
        return self.path / RECORD_FILE

    @property
    def telemetry(self) -> Path:
        return self.path / TELEMETRY_FILE

    def release(self) -> None:
        """Let another process have it. Close the stores first."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
