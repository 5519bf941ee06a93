"""The selective scan on a GPU: Triton's kernels against the version in torch and the equation.

First the two are compared, values and gradients, in float32 and with inputs in bfloat16; then they
are timed, forward and backward, at the shapes of Mamba 130M and 1.4B. What the memory allows is
said beside it: x, Δ, y and their gradients have to travel once.

    python benchmarks/scan_gpu.py [--rounds 7] [--lengths 1024 4096 16384]
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from measure import interleave, medians, save, show
from practicum.kernels import selective_scan_triton as triton_version
from practicum.kernels.selective_scan import selective_scan, selective_scan_reference

NAMES = ("x", "step", "rates", "write", "read", "state")
NUMBERS = 16
Scan = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor]]


def inputs(rows: int, length: int, channels: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Random x, Δ, A, B, C and first state, as in a network that begins to learn."""
    generator = torch.Generator("cuda").manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device="cuda")

    made = {
        "x": normal(rows, length, channels).to(dtype),
        "step": F.softplus(normal(rows, length, channels) - 4),
        "rates": -torch.arange(1.0, 1 + NUMBERS, device="cuda").repeat(channels, 1),
        "write": normal(rows, length, 1, NUMBERS).to(dtype),
        "read": normal(rows, length, 1, NUMBERS).to(dtype),
        "state": normal(rows, channels, NUMBERS),
    }
    return {name: value.requires_grad_() for name, value in made.items()}


def by_triton(given: dict[str, Tensor], starts: Tensor | None = None) -> tuple[Tensor, Tensor]:
    return selective_scan(**given, starts=starts)


def by_torch(given: dict[str, Tensor], starts: Tensor | None = None) -> tuple[Tensor, Tensor]:
    kernels, triton_version.triton = triton_version.triton, None  # as where it is not installed
    try:
        return selective_scan(**given, starts=starts)
    finally:
        triton_version.triton = kernels


def by_equation(given: dict[str, Tensor], starts: Tensor) -> tuple[Tensor, Tensor]:
    wide = {name: value.double() for name, value in given.items()}
    return selective_scan_reference(**wide, starts=starts, real=torch.ones_like(starts))


def with_gradients(outputs: tuple[Tensor, Tensor], given: dict[str, Tensor]) -> list[Tensor]:
    """The outputs, and the gradients of a fixed random mixture of them."""
    generator = torch.Generator("cuda").manual_seed(0)
    weights = [torch.randn(o.shape, generator=generator, device="cuda") for o in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    return [*outputs, *torch.autograd.grad(total, [given[name] for name in NAMES])]


def errors(length: int, dtype: torch.dtype, share: float) -> dict[str, dict[str, float]]:
    """The largest error of each output and gradient, as a share of its largest number."""
    given = inputs(2, length, 40, dtype)
    starts = torch.rand(2, length, device="cuda") < share
    expected = with_gradients(by_equation(given, starts), given)
    found = {}
    for who, scan in (("triton", by_triton), ("torch", by_torch)):
        got = with_gradients(scan(given, starts if share else None), given)
        found[who] = {
            name: float((a.double() - b.double()).abs().max() / b.double().abs().max())
            for name, a, b in zip(("y", "last", *NAMES), got, expected, strict=True)
        }
    return found


def compare() -> list[dict[str, object]]:
    """Both versions against the equation in float64."""
    rows = []
    for dtype, within in ((torch.float32, 1e-4), (torch.bfloat16, 2e-2)):
        for length in (1, 31, 32, 33, 300, 2048):
            for share in (0.0, 0.05):
                found = errors(length, dtype, share)
                worst = {who: max(by_name.values()) for who, by_name in found.items()}
                fine = all(value <= within for value in worst.values())
                told = ", ".join(f"{who} {value:.1e}" for who, value in worst.items())
                kind = str(dtype).removeprefix("torch.")
                print(f"{kind} length {length}, starts {share:.0%}: {told}{'' if fine else ' !'}")
                rows.append({"dtype": kind, "length": length, "starts": share, "errors": found})
    return rows


def timed(length: int, channels: int, dtype: torch.dtype, rounds: int) -> dict[str, object]:
    """Milliseconds forward, and forward with backward; and what the memory allows."""
    tokens = max(1, 16384 // length) * length
    given = inputs(tokens // length, length, channels, dtype)
    weight = torch.randn_like(given["x"])

    def forward(scan: Scan) -> None:
        with torch.no_grad():
            scan(given)
        torch.cuda.synchronize()

    def both(scan: Scan) -> None:
        (scan(given)[0] * weight).sum().backward()
        torch.cuda.synchronize()

    calls = {
        f"{who}, {name}": lambda scan=scan, call=call: call(scan)
        for name, call in (("forward", forward), ("forward and backward", both))
        for who, scan in (("triton", by_triton), ("torch", by_torch))
    }
    seconds = interleave(calls, rounds=rounds, warmup=2)
    title = f"{tokens} tokens in rows of {length}, {channels} channels, {dtype}"
    show(title, seconds, "torch, forward and backward")
    middle = medians(seconds)
    # x and Δ read twice, y, dy, dx and dΔ once; B, C and the states before tiles are small
    moved = tokens * channels * (5 * given["x"].element_size() + 3 * 4)
    reached = moved / middle["triton, forward and backward"] / 1e9
    print(f"  triton moves {reached:.0f} GB/s of what has to travel")
    return {"title": title, "seconds": middle, "gb_per_second": reached}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096, 16384])
    asked = parser.parse_args()
    if not torch.cuda.is_available() or triton_version.triton is None:
        print("the kernels are for a GPU, with Triton; there is none here, so nothing is measured")
        return
    compared = compare()
    times = [
        timed(length, channels, dtype, asked.rounds)
        for channels in (1536, 4096)
        for length in asked.lengths
        for dtype in (torch.float32, torch.bfloat16)
    ]
    save("scan_gpu", {"gpu": torch.cuda.get_device_name(), "compared": compared, "times": times})


if __name__ == "__main__":
    main()
