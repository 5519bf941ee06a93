"""Attention over blocks on a GPU, for decoding: Triton's kernels, a gathered copy, torch's own.

First the kernels are compared with the equation in float64, as called and as replayed from a CUDA
graph that was recorded with other lengths. Then they are timed beside the gathered copy, and beside
torch's attention to keys and values that lie in order already, which no engine has for rows that
come and go. What counts is the share of a copy's bandwidth, measured in the same run, at which the
keys and values that are seen are read once.

Every call starts with a cold cache of the card; contestants take turns, and medians are shown.

    python benchmarks/paged_attention_gpu.py [--parts compare times] [--rounds 30]
"""

import argparse
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from gpu import limits
from measure import save
from practicum.kernels import paged_attention_triton as triton_version
from practicum.kernels.attention import attention
from practicum.kernels.paged_attention import paged_attention, paged_attention_reference

SIZE = 16  # tokens of a block
COLD = 2**28  # bytes that are written before every call, more than any cache holds
NEAR = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A layer, and rows that read `t` tokens each."""

    name: str
    heads: int
    kv_heads: int
    width: int
    lengths: tuple[int, ...]
    t: int = 1
    window: int | None = None
    room: int | None = None  # tokens that a table has room for; None: the longest row
    dtype: torch.dtype = torch.bfloat16

    @property
    def told(self) -> str:
        """In one line."""
        shortest, longest = min(self.lengths), max(self.lengths)
        each = f"{longest}" if shortest == longest else f"{shortest}…{longest}"
        window = "" if self.window is None else f", window {self.window}"
        kind = str(self.dtype).removeprefix("torch.")
        return f"{self.name}, {len(self.lengths)} × {each} tokens, t {self.t}{window}, {kind}"

    @property
    def read(self) -> int:
        """Bytes of keys and values that any query sees."""
        window = max(self.lengths) if self.window is None else self.window + self.t - 1
        tokens = sum(min(length, window) for length in self.lengths)
        return tokens * 2 * self.kv_heads * self.width * self.dtype.itemsize


LLAMA = Shape(name="32 heads on 8, of 128", heads=32, kv_heads=8, width=128, lengths=())
FULL = Shape(name="32 heads, of 128", heads=32, kv_heads=32, width=128, lengths=())
SMALL = Shape(name="9 heads on 3, of 64", heads=9, kv_heads=3, width=64, lengths=())
MIXED = tuple(range(64, 8192, 254))  # 32 rows
TIMED = (
    *(replace(LLAMA, lengths=(n,) * b) for b, n in ((1, 1024), (1, 32_768), (8, 4096), (64, 2048))),
    replace(LLAMA, lengths=MIXED),
    replace(LLAMA, lengths=(1024,) * 8, room=32_768),
    replace(LLAMA, lengths=(4096,) * 8, t=4),
    replace(LLAMA, lengths=(4096,) * 8, t=16),
    replace(LLAMA, lengths=(16_384,) * 8, window=4096),
    replace(LLAMA, lengths=(4096,) * 8, dtype=torch.float32),
    replace(FULL, lengths=(4096,) * 8),
    replace(FULL, lengths=(2048,) * 8, dtype=torch.float32),
    replace(SMALL, lengths=(1024,) * 32),
)


class Case:
    """Random queries, pools and tables in no order."""

    def __init__(self, shape: Shape) -> None:
        self.shape, made = shape, torch.Generator("cuda").manual_seed(0)
        b, g, k, needed = len(shape.lengths), shape.kv_heads, shape.width, self._blocks()
        pool = (sum(needed) + 1, g, SIZE, k)

        def normal(*size: int) -> Tensor:
            return torch.randn(size, generator=made, device="cuda", dtype=shape.dtype)

        self.q = normal(b, shape.heads, shape.t, k)
        self.keys, self.values = normal(*pool), normal(*pool)
        room = max(needed) if shape.room is None else -(-shape.room // SIZE)
        self.tables = torch.zeros(b, room, dtype=torch.int32, device="cuda")
        order = torch.randperm(sum(needed), generator=made, device="cuda").int() + 1
        for table, own in zip(self.tables, order.split(needed), strict=True):
            table[: len(own)] = own
        self.lengths = torch.tensor(shape.lengths, dtype=torch.int32, device="cuda")
        self.about = {"scale": k**-0.5, "window": shape.window}

    def _blocks(self) -> list[int]:
        return [-(-length // SIZE) for length in self.shape.lengths]

    def by(self, call: Callable[..., Tensor]) -> Tensor:
        given = self.q, self.keys, self.values, self.tables, self.lengths
        return call(*given, **self.about)

    def expected(self) -> Tensor:
        wide = (x.double() for x in (self.q, self.keys, self.values))
        return paged_attention_reference(*wide, self.tables, self.lengths, **self.about)

    def captured(self) -> Callable[[], Tensor]:
        """The kernels as a graph."""
        self.by(paged_attention)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = self.by(paged_attention)

        def replayed() -> Tensor:
            graph.replay()
            return out

        return replayed

    def in_order(self) -> Tensor:
        """Torch's attention to keys and values side by side."""
        k, v, mask = self._lying
        return attention(self.q, k, v, mask=mask, scale=self.about["scale"])

    @cached_property
    def _lying(self) -> tuple[Tensor, Tensor, Tensor | None]:
        t, window, longest = self.shape.t, self.shape.window, max(self.shape.lengths)
        k, v = (
            torch.randn(
                len(self.q), self.shape.kv_heads, longest, self.shape.width, device="cuda"
            ).to(self.q)
            for _ in range(2)
        )
        if t == 1 and window is None and min(self.shape.lengths) == longest:
            return k, v, None
        query = (self.lengths[:, None] - t + torch.arange(t, device="cuda"))[:, :, None]
        key = torch.arange(longest, device="cuda")
        seen = (key <= query) & (key > query - (window or longest))
        return k, v, seen[:, None]


def compare() -> list[dict[str, object]]:
    """The largest error of the kernels, called and replayed, beside the gathered copy's."""
    rows = []
    shapes = [
        replace(layer, lengths=lengths, t=t, window=window, dtype=dtype)
        for layer in (LLAMA, FULL, SMALL, replace(SMALL, name="80 wide", width=80))
        for lengths in ((17, 1000, 16, 333), (5000,))
        for t, window in ((1, None), (1, 100), (5, None), (16, 100))
        for dtype in NEAR
    ]
    for shape in shapes:
        case = Case(shape)
        lengths, found = case.lengths.clone(), {}
        replayed = case.captured()
        for less in (0, min(shape.lengths) - shape.t):  # what is replayed was recorded with others
            case.lengths.copy_(lengths - less)
            expected = case.expected()
            for who, got in (
                ("triton", case.by(paged_attention)),
                ("triton, replayed", replayed()),
                ("gathered", case.by(paged_attention_reference)),
            ):
                error = float((got.double() - expected).abs().max() / expected.abs().max())
                found[who] = max(error, found.get(who, 0.0))
        fine = max(found["triton"], found["triton, replayed"]) <= NEAR[shape.dtype]
        told = ", ".join(f"{who} {error:.1e}" for who, error in found.items())
        print(f"{shape.told}: {told}{'' if fine else ' !'}", flush=True)
        rows.append({"shape": shape.told, "errors": found, "fine": fine})
    return rows


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median of each one's seconds on the card, the cache cold; contestants take turns."""
    names, cold = list(calls), torch.empty(COLD, dtype=torch.uint8, device="cuda")
    marks = {name: [] for name in names}
    for number in range(-3, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            cold.zero_()  # takes longer than it takes to ask for what comes next
            start.record()
            calls[name]()
            end.record()
            if number >= 0:
                marks[name].append((start, end))
        torch.cuda.synchronize()
    return {
        name: statistics.median(start.elapsed_time(end) for start, end in pairs) / 1000
        for name, pairs in marks.items()
    }


def timed(shape: Shape, rounds: int, copy: float) -> dict[str, object]:
    """Seconds of each, and the shares of a copy's bandwidth."""
    case = Case(shape)
    calls = {
        "triton": lambda: case.by(paged_attention),
        "triton, replayed": case.captured(),
        "gathered": lambda: case.by(paged_attention_reference),
        "torch, in order": case.in_order,
    }
    with torch.inference_mode():
        seconds = interleaved(calls, rounds)
    found = {
        who: {"seconds": took, "share_of_copy": shape.read / took / 1e9 / copy}
        for who, took in seconds.items()
    }
    print(shape.told)
    for who, numbers in found.items():
        times, share = numbers["seconds"], numbers["share_of_copy"]
        rate = times / seconds["torch, in order"]
        print(f"  {who:18} {1e6 * times:9.1f} µs  {share:6.1%} of a copy  ×{rate:.2f}", flush=True)
    work = triton_version.plan(case.q, case.values, case.tables, shape.window)
    return {"shape": shape.told, "plan": work._asdict(), "bytes": shape.read, "found": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", default=["compare", "times"])
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    if not torch.cuda.is_available() or triton_version.triton is None:
        print("the kernels are for a GPU, with Triton; there is none here, so nothing is measured")
        return
    torch.backends.cuda.matmul.allow_tf32 = False
    results: dict[str, object] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    card = limits()
    print(results["gpu"], card, flush=True)
    results |= card
    if "compare" in asked.parts:
        results["compared"] = compare()
    if "times" in asked.parts:
        results["times"] = [timed(shape, asked.rounds, card["copy_gb_s"]) for shape in TIMED]
    save("paged_attention_gpu", results)


if __name__ == "__main__":
    main()
