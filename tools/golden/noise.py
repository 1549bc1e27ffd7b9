"""Normal numbers of torch's generator on a processor, drawn in rows from one stream."""
import json
import pathlib

import torch

OUT = pathlib.Path(__file__).parents[2] / "internal/mersenne/testdata/normal.json"
# Each row is one generator and the lengths of its draws: short draws (pairs kept
# over the border, also over a long draw), whole blocks, tails.
ROWS = [
    (0, [16]), (0, [64, 64]), (42, [15]), (42, [1, 1, 1]), (7, [3, 16, 3]),
    (7, [17]), (7, [31, 2]), (123, [33, 33]), (1099511627783, [40, 5, 5]), (2**32 - 1, [100]),
]

cases = []
for seed, draws in ROWS:
    g = torch.Generator("cpu").manual_seed(seed)
    cases.append({"seed": seed, "draws": [torch.randn(n, generator=g).tolist() for n in draws]})
g = torch.Generator("cpu").manual_seed(5)
double = torch.rand(6, generator=g, dtype=torch.float64).tolist()
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps({"torch": torch.__version__, "normal": cases, "float64": {"seed": 5, "values": double}}) + "\n")
