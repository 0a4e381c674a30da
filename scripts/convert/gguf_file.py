# SPDX-License-Identifier: Apache-2.0
"""A GGUF file: its entries, and its tensors in fp32. Knows F32, F16 and blocks of 32 values in 8 bits or in 4 with a minimum."""
import struct

import numpy as np

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
F32, F16, Q4_1, Q8_0 = 0, 1, 3, 8
BLOCK = 32
BYTES = {Q4_1: 2 + 2 + BLOCK // 2, Q8_0: 2 + BLOCK}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        value, = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return value

    def text(self):
        size = self.number("Q")
        self.at += size
        return bytes(self.data[self.at - size:self.at]).decode()

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            of, count = self.number("I"), self.number("Q")
            return [self.value(of) for _ in range(count)]
        return self.number(NUMBERS[kind])


def dequantized(data, kind, count):
    if kind == F32:
        return np.frombuffer(data, "<f4", count)
    if kind == F16:
        return np.frombuffer(data, "<f2", count).astype(np.float32)
    if kind not in BYTES:
        raise ValueError(f"tensors of kind {kind} are not read")
    blocks = np.frombuffer(data, np.uint8, count // BLOCK * BYTES[kind]).reshape(-1, BYTES[kind])
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if kind == Q8_0:
        return (blocks[:, 2:].view(np.int8) * scale).ravel()
    least, pairs = blocks[:, 2:4].copy().view("<f2").astype(np.float32), blocks[:, 4:]
    return (np.concatenate([pairs & 15, pairs >> 4], axis=1) * scale + least).ravel()


def read(data):
    """(entries, tensors): each tensor (out, in)."""
    r = Reader(memoryview(data))
    if bytes(r.data[:4]) != b"GGUF":
        raise ValueError("not a GGUF file")
    r.at = 4
    version, tensors, entries = r.number("I"), r.number("Q"), r.number("Q")
    if version not in (2, 3):
        raise ValueError(f"version {version} is not read")
    known = {}
    for _ in range(entries):
        key = r.text()
        known[key] = r.value(r.number("I"))
    heads = []
    for _ in range(tensors):
        name = r.text()
        shape = [r.number("Q") for _ in range(r.number("I"))]
        heads.append((name, shape[::-1], r.number("I"), r.number("Q")))
    step = known.get("general.alignment", 32)
    start = (r.at + step - 1) // step * step
    return known, {name: dequantized(r.data[start + offset:], kind, int(np.prod(shape))).reshape(shape)
                   for name, shape, kind, offset in heads}
