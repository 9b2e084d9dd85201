"""ONNX files whose weights are packed in blocks of bytes, made plain: OpenVINO reads no block-packed bias.

Bytes in, bytes out, by the wire form of protocol buffers (https://protobuf.dev/programming-guides/encoding) and the numbers of
`onnx.proto`. What is not packed comes out as it went in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bowstreet.errors import MalformedConfiguration

MOST_BYTES = 512 * 1024 * 1024
MOST_WEIGHTS = 256 * 1024 * 1024
REMEDY = "fetch the model again (make models), or check the file that the card names"
# onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_WEIGHTS, _GRAPH_INPUT = 1, 5, 11
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT = 1, 3
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_RAW, _TENSOR_NAME = 1, 2, 9, 8
_TENSOR_FLOATS, _TENSOR_INTS, _TENSOR_LONGS = 4, 5, 7
_VALUE_NAME = 1
_FLOAT, _UINT8, _INT8, _INT64 = 1, 2, 3, 7
_TYPES: dict[int, np.dtype[Any]] = {
    _FLOAT: np.dtype("<f4"),
    _UINT8: np.dtype("u1"),
    _INT8: np.dtype("i1"),
    _INT64: np.dtype("<i8"),
}
_BYTES = 2  # the wire type of strings, messages and packed numbers
Array = npt.NDArray[np.generic]


def _broken(what: str) -> MalformedConfiguration:
    return MalformedConfiguration(f"the model file is no ONNX that can be read: {what}", remedy=REMEDY)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _broken("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7


def fields(data: memoryview) -> Iterator[tuple[int, int, memoryview, int, memoryview]]:
    """Number, wire type, content, value (of numbers) and the whole, for each field of a message."""
    at = 0
    while at < len(data):
        start = at
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value = 0
        if kind == 0:
            begin = at
            value, at = _varint(data, at)
        elif kind in (1, 5):
            begin, at = at, at + (8 if kind == 1 else 4)
        elif kind == _BYTES:
            length, begin = _varint(data, at)
            at = begin + length
        else:
            raise _broken(f"a field of the wire type {kind}")
        if at > len(data):
            raise _broken("it is cut off")
        yield number, kind, data[begin:at], value, data[start:at]


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _text(data: memoryview) -> str:
    return bytes(data[:1_000]).decode("utf-8", "replace")


@dataclass(slots=True)
class _Node:
    kind: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)


def _node(data: memoryview) -> _Node:
    node = _Node()
    for number, _, content, _, _ in fields(data):
        if number == _NODE_INPUT:
            node.inputs.append(_text(content))
        elif number == _NODE_OUTPUT:
            node.outputs.append(_text(content))
        elif number == _NODE_KIND:
            node.kind = _text(content)
        elif number == _NODE_ATTRIBUTE:
            name, whole = "", 0
            for inner, _, held, value, _ in fields(content):
                if inner == _ATTRIBUTE_NAME:
                    name = _text(held)
                elif inner == _ATTRIBUTE_INT:
                    whole = value
            node.numbers[name] = whole
    return node


def _tensor(data: memoryview) -> tuple[str, Array | None]:
    """Name and numbers; None for a type that no packed weight has."""
    name, kind, raw = "", 0, memoryview(b"")
    dims: list[int] = []
    for number, wire, content, value, _ in fields(data):
        if number == _TENSOR_DIMS:
            dims.extend([value] if wire == 0 else _varints(content))
        elif number == _TENSOR_TYPE:
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(content)
        elif number in (_TENSOR_RAW, _TENSOR_FLOATS):
            raw = content
        elif number in (_TENSOR_INTS, _TENSOR_LONGS):
            return name, None
    if kind not in _TYPES or len(dims) > 8:
        return name, None
    size = 1
    for dim in dims:
        size *= dim
        if size > MOST_WEIGHTS:
            raise _broken("a weight is too large")
    if size * _TYPES[kind].itemsize != len(raw):
        raise _broken(f"the weight '{name[:60]}' has another size than it says")
    return name, np.frombuffer(raw, dtype=_TYPES[kind]).reshape(dims)


def _put(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _packed_tensor(name: str, values: npt.NDArray[np.float32]) -> bytes:
    dims = b"".join(_number(_TENSOR_DIMS << 3) + _number(dim) for dim in values.shape)
    kind = _number(_TENSOR_TYPE << 3) + _number(_FLOAT)
    return dims + kind + _put(_TENSOR_NAME, name.encode()) + _put(_TENSOR_RAW, values.astype("<f4").tobytes())


def unpacked(values: Array, scales: Array, zeros: Array, axis: int, block: int) -> npt.NDArray[np.float32]:
    """DequantizeLinear of opset 21: along `axis` each `block` numbers share a scale and a zero point."""
    axis += values.ndim if axis < 0 else 0
    if not 0 <= axis < values.ndim or block < 1 or scales.shape != zeros.shape or scales.ndim != values.ndim:
        raise _broken("a packed weight whose parts do not fit")
    length = values.shape[axis]
    wanted = (*values.shape[:axis], -(-length // block), *values.shape[axis + 1 :])
    if scales.shape != wanted:
        raise _broken("a packed weight whose scales do not fit")
    where = np.arange(length) // block
    plain = values.astype(np.float32)
    plain -= np.take(zeros, where, axis=axis).astype(np.float32)
    plain *= np.take(scales, where, axis=axis).astype(np.float32)
    return plain


def plain(model: bytes) -> bytes:
    """The same model with its block-packed weights as plain numbers.

    Raises:
        MalformedConfiguration: it is no ONNX, or a packed weight does not fit.
    """
    if len(model) > MOST_BYTES:
        raise _broken("it is too large")
    out: list[bytes] = []
    for number, kind, content, _, whole in fields(memoryview(model)):
        graph = number == _MODEL_GRAPH and kind == _BYTES
        out.append(_put(_MODEL_GRAPH, _plain_graph(content)) if graph else bytes(whole))
    return b"".join(out)


def _plain_graph(graph: memoryview) -> bytes:
    weights: dict[str, Array | None] = {}
    for number, _, content, _, _ in fields(graph):
        if number == _GRAPH_WEIGHTS:
            name, values = _tensor(content)
            weights[name] = values
    made: dict[str, npt.NDArray[np.float32]] = {}
    used: set[str] = set()
    kept: set[int] = set()
    for place, (number, _, content, _, _) in enumerate(fields(graph)):
        if number != _GRAPH_NODE:
            continue
        node = _node(content)
        if not _unpack(node, weights, made):
            kept.add(place)
            used.update(node.inputs)
    if not made:
        return bytes(graph)
    out: list[bytes] = []
    for place, (number, _, content, _, whole) in enumerate(fields(graph)):
        if (number == _GRAPH_NODE and place not in kept) or (number == _GRAPH_WEIGHTS and _tensor(content)[0] not in used):
            continue
        # Older exports list the weights among the inputs too: these have values already, or were replaced by packed ones.
        if number == _GRAPH_INPUT and ((name := _value_name(content)) in weights or name not in used):
            continue
        out.append(bytes(whole))
    out.extend(_put(_GRAPH_WEIGHTS, _packed_tensor(name, values)) for name, values in made.items() if name in used)
    return b"".join(out)


def _unpack(node: _Node, weights: dict[str, Array | None], made: dict[str, npt.NDArray[np.float32]]) -> bool:
    """Whether the node is one that only unpacks a weight, or gives an unpacked one its shape; its result is in `made` then."""
    if len(node.outputs) != 1:
        return False
    if node.kind == "DequantizeLinear" and len(node.inputs) == 3 and node.numbers.get("block_size", 0) > 0:
        values, scales, zeros = (weights.get(name) for name in node.inputs)
        if values is None or scales is None or zeros is None or values.dtype.kind not in "iu" or values.dtype.itemsize != 1:
            return False
        made[node.outputs[0]] = unpacked(values, scales, zeros, _signed(node.numbers.get("axis", 1)), node.numbers["block_size"])
        return True
    if node.kind == "Reshape" and len(node.inputs) == 2 and node.inputs[0] in made:
        shape = weights.get(node.inputs[1])
        if shape is None or shape.dtype.kind != "i":
            raise _broken("an unpacked weight whose shape is not given")
        try:
            made[node.outputs[0]] = made[node.inputs[0]].reshape([int(dim) for dim in shape.reshape(-1)[:8]])
        except ValueError as error:
            raise _broken("an unpacked weight that does not fit its shape") from error
        return True
    return False


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _value_name(data: memoryview) -> str:
    return next((_text(content) for number, _, content, _, _ in fields(data) if number == _VALUE_NAME), "")
