# SPDX-License-Identifier: Apache-2.0
"""The weights in an ONNX file, under the names that they had in PyTorch. Reads the protobuf itself: no package is needed."""
import numpy as np

# Fields of the messages of onnx.proto (version 1.16), by number.
GRAPH = 7
NODES, INITIALIZERS = 1, 5
NODE_INPUT, NODE_NAME, NODE_KIND = 1, 3, 4
DIMS, DATA_TYPE, FLOATS, INTS, NAME, RAW = 1, 2, 4, 5, 8, 9
DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of a message: an integer, or the bytes of whatever has a length."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def numbers(value):
    """Repeated integers, packed or one of them."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def tensor(data):
    """(name, array)"""
    name, dims, dtype, content, ints = "", [], None, b"", []
    for number, value in fields(data):
        if number == DIMS:
            dims += numbers(value)
        elif number == DATA_TYPE:
            dtype = DTYPES.get(value)
        elif number == NAME:
            name = bytes(value).decode()
        elif number in (RAW, FLOATS):
            content = bytes(content) + bytes(value) if number == FLOATS else value
        elif number == INTS:
            ints += numbers(value)
    if dtype is None:
        return name, None
    array = np.array(ints).astype(dtype) if ints else np.frombuffer(content, dtype)
    return name, array.reshape(dims)


def weights(data):
    """name -> fp32 array of shape (out, in) for matrices that are multiplied with; the graph has those as (in, out).

    A tensor without a name of its own has the name of the node that multiplies with it: "/a/b/MatMul" is a.b.weight.
    Where the weights are integers, w = (q - zero point) * scale, both of which are tensors beside it.
    """
    graph = next(value for number, value in fields(memoryview(data)) if number == GRAPH)
    stored, multiplied = {}, {}
    for number, value in fields(graph):
        if number == INITIALIZERS:
            name, array = tensor(value)
            stored[name] = array
        elif number == NODES:
            inputs, path, kind = [], "", ""
            for n, v in fields(value):
                if n == NODE_INPUT:
                    inputs.append(bytes(v).decode())
                elif n == NODE_NAME:
                    path = bytes(v).decode()
                elif n == NODE_KIND:
                    kind = bytes(v).decode()
            if kind in ("MatMul", "MatMulInteger"):
                multiplied[path] = inputs[1]

    def real(name):
        array, base = stored[name].astype(np.float32), name.removesuffix("_quantized")
        if base == name:
            return array
        scale, zero = stored[base + "_scale"], stored[base + "_zero_point"]
        if scale.size != 1:
            raise ValueError(f"{name}: a scale per column is not read")
        return (array - zero.astype(np.float32)) * scale.astype(np.float32)

    found = {}
    for name, array in stored.items():
        base = name.removesuffix("_quantized")
        if array is not None and array.ndim and not name.startswith("onnx::"):
            found[base] = real(name)
    for path, name in multiplied.items():
        if name in stored:
            module = path.strip("/").removesuffix("_quant").removesuffix("MatMul").strip("/").removesuffix("Gemm_").strip("/")
            found[module.replace("/", ".") + ".weight"] = real(name).T
    return {k: np.ascontiguousarray(v) for k, v in found.items()}
