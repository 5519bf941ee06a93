"""The product for many groups of rows on a GPU: Triton's kernels, torch's own, and the plain loop.

First all are compared with the equation in float64, values and gradients. Then the feed-forward of
a layer of experts is timed, forward and with all gradients, at the widths of Mixtral 8×7B and of a
network of many small experts, the tokens of training spread unevenly; and one product with the few
rows of decoding. What counts is the share of the card's own matrix product of 8192³, measured in
the same run; in decoding, where every matrix that has rows is read once, the share of a copy's
bandwidth.

    python benchmarks/experts_gpu.py [--parts compare train decode] [--times 10]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gpu import limits, seconds
from measure import save
from practicum.kernels import grouped_linear_triton as triton_version
from practicum.kernels.gated import gated
from practicum.kernels.grouped_linear import grouped_linear, grouped_linear_reference
from practicum.kernels.grouped_linear_triton import grouped_linear_triton

Product = Callable[[Tensor, Tensor, Tensor], Tensor]
DTYPES = (torch.bfloat16, torch.float16, torch.float32)


@dataclass(frozen=True)
class Layer:
    """Experts, their widths, and how many rows they read together in training."""

    name: str
    count: int
    width: int
    hidden: int
    rows: int


LAYERS = (
    Layer("Mixtral 8×7B", count=8, width=4096, hidden=14_336, rows=16_384),
    Layer("64 small experts", count=64, width=2048, hidden=1408, rows=49_152),
)


def by_torch(x: Tensor, weight: Tensor, counts: Tensor) -> Tensor:
    kernels, triton_version.triton = triton_version.triton, None  # as where it is not installed
    try:
        return grouped_linear(x, weight, counts)
    finally:
        triton_version.triton = kernels


PRODUCTS: dict[str, Product] = {
    "triton": grouped_linear_triton,
    "torch": by_torch,
    "loop": grouped_linear_reference,
}


def uneven(rows: int, groups: int) -> Tensor:
    """Counts of a router that likes some experts several times as much as others."""
    generator = torch.Generator().manual_seed(rows)
    liked = torch.randn(groups, generator=generator).mul(0.5).softmax(0)
    chosen = torch.multinomial(liked, rows, replacement=True, generator=generator)
    return torch.bincount(chosen, minlength=groups).cuda()


def normal(*shape: int, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator("cuda").manual_seed(shape[-1])
    return torch.randn(shape, generator=generator, device="cuda").to(dtype)


def compare() -> list[dict[str, object]]:
    """The largest error of outputs and gradients, as a share of the largest number of each."""
    rows = []
    for counts in ([5, 0, 300, 77], [0, 0, 0, 40], [1, 0, 2, 0], [256, 256, 256, 256]):
        groups = torch.tensor(counts, device="cuda")
        for dtype in DTYPES:
            for d, f in ((256, 512), (200, 136), (37, 75)):
                x = normal(sum(counts), d, dtype=dtype).requires_grad_()
                weight = normal(len(counts), f, d, dtype=dtype).requires_grad_()
                wide = [part.detach().double().requires_grad_() for part in (x, weight)]
                expected = with_gradients(grouped_linear_reference, *wide, groups)
                found = {
                    who: max(
                        float((a - b).abs().max() / b.abs().max())
                        for a, b in zip(
                            with_gradients(product, x, weight, groups), expected, strict=True
                        )
                    )
                    for who, product in PRODUCTS.items()
                }
                kind = str(dtype).removeprefix("torch.")
                told = ", ".join(f"{who} {error:.1e}" for who, error in found.items())
                print(f"{kind} {counts} rows, {d} → {f}: {told}", flush=True)
                rows.append({"dtype": kind, "counts": counts, "widths": [d, f], "errors": found})
    return rows


def with_gradients(product: Product, x: Tensor, weight: Tensor, counts: Tensor) -> list[Tensor]:
    y = product(x, weight, counts)
    by = normal(*y.shape, dtype=torch.float32).to(y)
    return [y.detach(), *torch.autograd.grad((y * by).sum(), (x, weight))]


def train(layer: Layer, dtype: torch.dtype, times: int, peak: float) -> dict[str, object]:
    """Seconds of the feed-forward, forward and with gradients, and the shares of `peak`."""
    up = normal(layer.count, 2 * layer.hidden, layer.width, dtype=dtype).mul_(0.02).requires_grad_()
    down = normal(layer.count, layer.width, layer.hidden, dtype=dtype).mul_(0.02).requires_grad_()
    x = normal(layer.rows, layer.width, dtype=dtype).requires_grad_()
    grad, counts = torch.randn_like(x), uneven(layer.rows, layer.count)
    flops = 2 * 3 * layer.rows * layer.width * layer.hidden  # forward; three times that with both
    kind, found = str(dtype).removeprefix("torch."), {}
    for who, product in PRODUCTS.items():

        def forward(product: Product = product) -> Tensor:
            return product(gated(product(x, up, counts), "silu"), down, counts)

        def both() -> None:
            torch.autograd.grad(forward(), (x, up, down), grad)

        with torch.no_grad():
            alone = seconds(forward, times)
        whole = seconds(both, times)
        found[who] = {
            "forward_seconds": alone,
            "seconds": whole,
            "forward_share_of_peak": flops / alone / 1e12 / peak,
            "share_of_peak": 3 * flops / whole / 1e12 / peak,
        }
        print(layer.name, kind, who, {k: round(v, 4) for k, v in found[who].items()}, flush=True)
    return {"layer": layer.name, "dtype": kind, "counts": counts.tolist(), "found": found}


def decode(layer: Layer, rows: int, times: int, copy: float) -> dict[str, object]:
    """Seconds of one product of `rows` rows in bfloat16, and the share of a copy's bandwidth."""
    weight = normal(layer.count, layer.hidden, layer.width, dtype=torch.bfloat16)
    x, counts = normal(rows, layer.width, dtype=torch.bfloat16), uneven(rows, layer.count)
    read = int((counts > 0).sum()) * weight[0].nbytes
    found = {}
    for who, product in PRODUCTS.items():
        with torch.no_grad():
            took = seconds(lambda product=product: product(x, weight, counts), times)
        found[who] = {"seconds": took, "share_of_copy": read / took / 1e9 / copy}
        told = {k: round(v, 6) for k, v in found[who].items()}
        print(f"{layer.name}, {rows} rows", who, told, flush=True)
    return {"layer": layer.name, "rows": rows, "found": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", default=["compare", "train", "decode"])
    parser.add_argument("--times", type=int, default=10)
    asked = parser.parse_args()
    if not torch.cuda.is_available() or triton_version.triton is None:
        print("the kernels are for a GPU, with Triton; there is none here, so nothing is measured")
        return
    torch.backends.cuda.matmul.allow_tf32 = False
    results: dict[str, object] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    if "compare" in asked.parts:
        results["compared"] = compare()
    torch.backends.cuda.matmul.allow_tf32 = True
    card = limits()
    print(card, flush=True)
    results |= card
    if "train" in asked.parts:
        results["train"] = [
            train(layer, dtype, asked.times, card["matmul_tflops"])
            for layer in LAYERS
            for dtype in DTYPES
        ]
    if "decode" in asked.parts:
        results["decode"] = [
            decode(layer, rows, 10 * asked.times, card["copy_gb_s"])
            for layer in LAYERS
            for rows in (2, 16, 128)
        ]
    save("experts_gpu", results)


if __name__ == "__main__":
    main()
