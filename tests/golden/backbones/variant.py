# SPDX-License-Identifier: Apache-2.0
"""A tiny random checkpoint: its configuration, its weights, how it is stored, what is computed with it."""
import json
from dataclasses import dataclass, field

import torch
from safetensors.torch import save_file


@dataclass
class Variant:
    folder: str
    kind: type            # the class of transformers
    config: object
    scale: object         # (name, parameter) -> mean, deviation: larger than fresh, so that every gradient is of order one
    task: object
    batches: list         # five: the first is `batch`, the others batch0 .. batch3
    methods: dict         # file -> (variant) -> recipe
    seed: int = 1
    head: tuple = ()      # names that train with every method
    written: dict = field(default_factory=dict)  # entries of config.json as older versions write them
    stored: object = None  # tensors by name, and the architecture -> the same as the file has them
    places: dict = field(default_factory=dict)  # what the methods must know of the names

    def model(self):
        random = torch.Generator().manual_seed(self.seed)
        model = self.kind(self.config).eval()
        with torch.no_grad():
            for name, p in model.named_parameters():
                mean, deviation = self.scale(name, p)
                p.copy_(mean + deviation * torch.randn(p.shape, generator=random))
        return model

    def write(self, folder):
        """config.json and model.safetensors; of tied tensors one."""
        folder.mkdir(parents=True, exist_ok=True)
        model = self.model()
        tensors, seen = {}, set()
        for name, value in model.state_dict().items():
            if value.data_ptr() not in seen:
                tensors[name] = value.contiguous()
            seen.add(value.data_ptr())
        architecture = self.kind.__name__
        if self.stored:
            tensors, architecture = self.stored(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        config = model.config.to_diff_dict() | {"architectures": [architecture], "torch_dtype": "float32"} | self.written
        for gone in ("transformers_version", "dtype"):
            config.pop(gone, None)
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def random(seed):
    return torch.Generator().manual_seed(seed)
