"""A list in memory that the workers of one deployment share, in pages that no file stands behind.

The program writes it once and hands its descriptor to each worker it starts. Overwriting it there overwrites it for all of them
at once: whatever a worker does, it finds nobody from that moment on (R9).
"""

import contextlib
import mmap
import os
import secrets
import struct
import sys

import msgspec
import numpy as np

from bowstreet.errors import BadInput
from bowstreet.recognition.match import Gallery
from bowstreet.recognition.memory import hold

_HEAD = struct.Struct("<Q")
_ALIGNED = 64


class _Form(msgspec.Struct, frozen=True, kw_only=True):
    people: list[str]
    images: int
    dimensions: int
    threshold_floor: float


class SharedList:
    """The memory, and a `Gallery` over it."""

    def __init__(self, descriptor: int, pages: mmap.mmap, gallery: Gallery) -> None:
        self.descriptor, self.gallery = descriptor, gallery
        self._pages = pages

    @classmethod
    def of(cls, gallery: Gallery) -> "SharedList":
        """The program's: a copy of `gallery`, which is overwritten."""
        form = _Form(
            people=gallery.people(), images=gallery.images, dimensions=gallery.dimensions, threshold_floor=gallery.threshold_floor
        )
        head = msgspec.msgpack.encode(form)
        owners_at, rows_at, size = _places(len(head), form)
        descriptor = _anonymous(size)
        pages = mmap.mmap(descriptor, size)
        hold(pages)
        pages[: _HEAD.size] = _HEAD.pack(len(head))
        pages[_HEAD.size : _HEAD.size + len(head)] = head
        owners = np.frombuffer(pages, np.int32, form.images, owners_at)
        rows = np.frombuffer(pages, np.float32, form.images * form.dimensions, rows_at).reshape(form.images, form.dimensions)
        gallery.copy_to(owners, rows)
        gallery.overwrite()
        return cls(descriptor, pages, Gallery.over(form.people, owners, rows, threshold_floor=form.threshold_floor))

    @classmethod
    def opened(cls, descriptor: int) -> "SharedList":
        """A worker's, by the descriptor that it inherited. It cannot write there. Raises `BadInput` for what is no list."""
        size = os.fstat(descriptor).st_size
        pages = mmap.mmap(descriptor, size, prot=mmap.PROT_READ) if size > _HEAD.size else None
        if pages is None:
            raise BadInput("there is no list", remedy="the deployment was stopped: start it again")
        hold(pages)
        (length,) = _HEAD.unpack(pages[: _HEAD.size])
        try:
            form = msgspec.msgpack.decode(pages[_HEAD.size : _HEAD.size + min(length, size)], type=_Form)
            owners_at, rows_at, whole = _places(length, form)
            if whole != size:
                raise ValueError
        except ValueError:
            raise BadInput("there is no list", remedy="the deployment was stopped: start it again") from None
        owners = np.frombuffer(pages, np.int32, form.images, owners_at)
        rows = np.frombuffer(pages, np.float32, form.images * form.dimensions, rows_at).reshape(form.images, form.dimensions)
        return cls(descriptor, pages, Gallery.over(form.people, owners, rows, threshold_floor=form.threshold_floor))

    def overwrite(self) -> None:
        """The program's. Once more does nothing."""
        if self.descriptor >= 0:
            self._pages[:] = bytes(len(self._pages))
            self.gallery.overwrite()
            os.close(self.descriptor)
            self.descriptor = -1


def _places(head: int, form: _Form) -> tuple[int, int, int]:
    """Where owners and rows begin, and where it all ends."""
    owners_at = _up(_HEAD.size + head)
    rows_at = _up(owners_at + form.images * 4)
    return owners_at, rows_at, max(_up(rows_at + form.images * form.dimensions * 4), mmap.PAGESIZE)


def _up(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED


def _anonymous(size: int) -> int:
    """A descriptor of memory that has no name."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("bowstreet-list", os.MFD_CLOEXEC)
    else:  # POSIX shared memory, whose name goes at once
        import _posixshmem

        name = f"/bow-{secrets.token_hex(8)}"
        descriptor = _posixshmem.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
        with contextlib.suppress(OSError):
            _posixshmem.shm_unlink(name)
    os.ftruncate(descriptor, size)
    return descriptor
