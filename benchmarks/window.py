"""Attention to a sliding window, against the mask of all pairs and against no window at all.

Forward and backward of one long row of several heads: seconds side by side in this process, and the
highest memory of each in a process of its own. Both windows must give the same.

    python benchmarks/window.py [--tokens 8192] [--window 512] [--rounds 3]
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from measure import interleave, medians, save, show, watching_load
from practicum.kernels.windowed_attention import windowed_attention

HEADS, WIDTH = 8, 64
OURS, MASKED, FULL = "window by blocks", "mask of all pairs", "no window"


def rows(tokens: int) -> list[Tensor]:
    """q, k, v."""
    draw = torch.Generator().manual_seed(0)
    return [
        torch.randn(1, HEADS, tokens, WIDTH, generator=draw, requires_grad=True) for _ in range(3)
    ]


def contestants(tokens: int, window: int) -> dict[str, Callable[[], Tensor]]:
    """Forward and backward; each gives what attention gave."""
    q, k, v = rows(tokens)
    scale = WIDTH**-0.5

    def masked() -> Tensor:
        place = torch.arange(tokens)
        seen = (place <= place[:, None]) & (place > place[:, None] - window)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale)

    def run(attend: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def call() -> Tensor:
            for tensor in (q, k, v):
                tensor.grad = None
            out = attend()
            out.square().sum().backward()
            return out.detach()

        return call

    return {
        OURS: run(lambda: windowed_attention(q, k, v, window=window, scale=scale)),
        MASKED: run(masked),
        FULL: run(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)),
    }


def megabytes(tokens: int, window: int) -> dict[str, float]:
    """The growth of each process's highest memory while its contestant runs once."""
    found = {}
    for name in (OURS, MASKED, FULL):
        call = [sys.executable, __file__, "--grow", name]
        size = ["--tokens", str(tokens), "--window", str(window)]
        told = subprocess.run([*call, *size], check=True, capture_output=True, text=True)
        found[name] = float(told.stdout)
    return found


def grow(name: str, tokens: int, window: int) -> float:
    """Megabytes that this process grows by."""
    contestants(64, 16)[name]()  # what the first call brings with it
    calls = contestants(tokens, window)
    before = peak()
    calls[name]()
    return peak() - before


def peak() -> float:
    """The highest memory of this process so far, megabytes; its parent's does not count (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grow", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.grow:
        print(grow(asked.grow, asked.tokens, asked.window))
        return
    calls = contestants(asked.tokens, asked.window)
    apart = float((calls[OURS]() - calls[MASKED]()).abs().max())
    with watching_load() as load:
        seconds = interleave(calls, rounds=asked.rounds)
    show(f"{asked.tokens} tokens, a window of {asked.window}", seconds, MASKED)
    grown = megabytes(asked.tokens, asked.window)
    middle = medians(seconds)
    print(f"  megabytes: {grown}; greatest difference {apart:.1e}; foreign load {load.foreign:.0%}")
    save(
        "window",
        {
            "tokens": asked.tokens,
            "window": asked.window,
            "seconds": middle,
            "speedup": middle[MASKED] / middle[OURS],
            "megabytes": grown,
            "memory_ratio": grown[OURS] / grown[MASKED],
            "difference": apart,
            "foreign": load.foreign,
        },
    )


if __name__ == "__main__":
    main()
