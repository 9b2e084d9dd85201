"""A model file's packed weights: whatever the bytes, a model with plain ones, or a clear error."""

from bowstreet.errors import MalformedConfiguration
from bowstreet.recognition.models.onnx import plain


def _field(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2, len(body)]) + body


def _weight(name: bytes, kind: int, dims: bytes, raw: bytes) -> bytes:
    return _field(5, b"".join(bytes([8, dim]) for dim in dims) + bytes([16, kind]) + _field(8, name) + _field(9, raw))


_ATTRIBUTES = b"".join(_field(5, _field(1, name) + bytes([24, value])) for name, value in ((b"axis", 1), (b"block_size", 2)))
_NODE = _field(
    1, _field(1, b"w") + _field(1, b"s") + _field(1, b"z") + _field(2, b"o") + _field(4, b"DequantizeLinear") + _ATTRIBUTES
)
_USE = _field(1, _field(1, b"x") + _field(1, b"o") + _field(2, b"y") + _field(4, b"Gemm"))
_WEIGHTS = (
    _weight(b"w", 3, b"\x01\x03", b"\x01\x02\x03")
    + _weight(b"s", 1, b"\x01\x02", b"\0\0\x80?" * 2)
    + _weight(b"z", 3, b"\x01\x02", b"\0\0")
)
SEEDS = [_field(7, _NODE + _USE + _WEIGHTS)]
assert b"DequantizeLinear" not in plain(SEEDS[0])


def fuzz_one(data: bytes) -> None:
    try:
        out = plain(data)
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    # What came out is read again, and has nothing left to unpack.
    if plain(out) != out:
        raise AssertionError("packed weights were left")
