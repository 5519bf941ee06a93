"""How fast this device multiplies, to say what share of it a model uses.

Model-FLOP utilisation (Chowdhery et al. 2022, appendix B): the operations that the model's
equations need per second, over what the device reaches on one large matrix product.
"""

import time
from functools import lru_cache

import torch


@lru_cache(maxsize=4)
def matmul_flops_per_second(device: torch.device, dtype: torch.dtype) -> float:
    """The best of a few square products: 768³ on a CPU (some milliseconds), 8192³ on a GPU."""
    size, rounds = (8192, 10) if device.type == "cuda" else (768, 4)
    a = torch.ones(size, size, device=device, dtype=dtype)
    out = torch.empty_like(a)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        torch.mm(a, a, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best
