"""Memory for what must not outlive its use: not in core dumps, wiped in forked children, not in swap where that is allowed.

Python's own objects are copied and freed without being overwritten. What is held here lies in pages of our own, so that
overwriting one place overwrites it all.
"""

import contextlib
import ctypes
import mmap
import sys
import threading
from dataclasses import dataclass, field

from bowstreet.errors import Conflict

SLAB_BYTES = 64 * 1024
# A list of thousands: large pages make a search through it twice as fast.
LARGE_BYTES = 4 * 1024 * 1024
# Linux; Python 3.11 has no name for it. A forked child sees zeros in these pages.
_MADV_WIPEONFORK = 18


def private_pages(size: int) -> tuple[mmap.mmap, bool]:
    """Anonymous pages of at least `size` bytes, and whether they are held out of swap (a limit may forbid it)."""
    size = -(-max(1, size) // mmap.PAGESIZE) * mmap.PAGESIZE
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if sys.platform == "linux":
        pages.madvise(_MADV_WIPEONFORK)
        if size >= LARGE_BYTES:
            with contextlib.suppress(OSError):  # a kernel without them
                pages.madvise(mmap.MADV_HUGEPAGE)
    return pages, hold(pages)


def hold(pages: mmap.mmap) -> bool:
    """Keep pages out of core dumps, and out of swap where a limit allows that; whether it did."""
    if sys.platform == "linux":
        pages.madvise(mmap.MADV_DONTDUMP)
    return _lock(pages, len(pages))


def _lock(pages: mmap.mmap, size: int) -> bool:
    try:
        lock = ctypes.CDLL(None, use_errno=True).mlock
    except (OSError, AttributeError):
        return False
    try:
        address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    except TypeError:  # read-only pages have no address here; whoever wrote them holds them
        return False
    return int(lock(ctypes.c_void_p(address), ctypes.c_size_t(size))) == 0


@dataclass(kw_only=True, slots=True, eq=False)
class Slot:
    """One place in a slab. Its bytes are zero whenever nobody holds it."""

    pages: mmap.mmap
    start: int
    size: int
    in_swap: bool

    def view(self) -> memoryview:
        return memoryview(self.pages)[self.start : self.start + self.size]

    def overwrite(self) -> None:
        self.pages[self.start : self.start + self.size] = bytes(self.size)


@dataclass(kw_only=True, slots=True, eq=False)
class Slots:
    """Places of one size, from slabs that are never given back; a freed place is overwritten and used again."""

    size: int
    _free: list[Slot] = field(default_factory=list)
    # Re-entrant: a destructor may run in the middle of `take`, on the same thread.
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def take(self) -> Slot:
        with self._lock:
            if not self._free:
                pages, locked = private_pages(SLAB_BYTES)
                self._free.extend(
                    Slot(pages=pages, start=start, size=self.size, in_swap=not locked)
                    for start in range(0, len(pages) - self.size + 1, self.size)
                )
            return self._free.pop()

    def give_back(self, slot: Slot) -> None:
        slot.overwrite()
        with self._lock:
            self._free.append(slot)


def overwritten() -> Conflict:
    return Conflict("the template was overwritten", remedy="take what is needed of it before it is overwritten")
