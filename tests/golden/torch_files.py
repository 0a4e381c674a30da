#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data/torch: small files as torch.save writes them, and the numbers in them. Needs PyTorch (scripts/peer).

Of every form the same tensors: plain, transposed, a part of another's storage, tied, of every dtype, without elements, a scalar.
"""
import json
import pathlib
from collections import OrderedDict

import torch

FOLDER = pathlib.Path(__file__).resolve().parent / "data" / "torch"


def state_dict():
    base = torch.arange(12.0).reshape(3, 4) / 8
    state = OrderedDict(weight=torch.nn.Parameter(base), tied=base, transposed=base.t(), part=base[1:, 1:3], row=base[2], scalar=torch.tensor(2.5),
                        empty=torch.empty(0, 3), once=torch.arange(3).expand(1, -1))
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        state[str(dtype).split(".")[1]] = torch.tensor([0, 1, 2, 3]).to(dtype)
    state._metadata = OrderedDict({"": {"version": 1}, "layer": {}})
    return state


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    state = state_dict()
    for protocol in (2, 4, 5):
        torch.save(state, FOLDER / f"protocol{protocol}.bin", pickle_protocol=protocol)
    torch.save(state, FOLDER / "older.bin", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "lr": 0.5, "state_dict": dict(state)}, FOLDER / "nested.bin")
    torch.save({"state_dict": dict(state), "optimizer": [state["row"]]}, FOLDER / "run.bin")
    torch.save(torch.nn.Linear(2, 2), FOLDER / "module.bin")
    torch.save({"weight": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn)}, FOLDER / "float8.bin")
    torch.save({"weight": torch.zeros(1).expand(1 << 40)}, FOLDER / "expanded.bin")
    values = {name: {"shape": list(t.shape), "values": [float(x) for x in t.detach().double().flatten()]} for name, t in state.items()}
    (FOLDER / "values.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
