"""Products with matrices in few bits on a GPU, and decoding with them.

First every way of `packed_linear_triton` is compared with the equation in float64. Then each is
timed at the matrices of a Llama of 8B, for rows from one to a prompt's, beside torch's product with
the same weights in bfloat16, all in turn; what counts for few rows is the share of a copy's
bandwidth at which W is read, and where the ways should take over from each other is told. To keep
the card's cache out of it, so many matrices are read in turn as do not fit. Last the tokens per
second of four layers of a Llama of 1B with random weights, in bfloat16 and packed, are told.

    python benchmarks/quantized_gpu.py [--parts compare products decode] [--rounds 10]
"""

import argparse
import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gpu import limits, seconds_per_token
from measure import save
from practicum.adapters.quantize import Quantized, packed_bytes
from practicum.kernels import packed_linear_triton as kernels
from practicum.kernels.packed_linear_triton import few, many, some
from practicum.kernels.packed_matrix import Packed, plain
from practicum.kernels.quantise import to_nibbles, to_octets
from practicum.models.build import build
from practicum.models.families.llama import llama

Numbered = Callable[[int], object]
PACK: dict[int, Callable[[Tensor], Packed]] = {
    4: to_nibbles,
    8: to_octets,
    16: lambda weight: plain(weight, torch.bfloat16),
}
WAYS = {"few": few, "some": some, "many": many}
MOST = {"few": 16, "some": kernels.SOME, "many": 1 << 30}  # rows that a way takes
SHAPES = {"q and out": (4096, 4096), "k and v": (2048, 4096), "up": (28_672, 4096)}
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
LAYERS = llama(width=2048, depth=4, heads=32, kv_heads=8, hidden=8192, vocab=32_000)
CACHE = 256e6  # bytes, more than any card's


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator("cuda").manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, device="cuda").to(dtype)


def packed(bits: int, outputs: int, inputs: int) -> Packed:
    """Rounded from one tile of weights, which stands there again and again: it is the bytes that
    are measured, and packing takes a CPU its time."""
    tile = normal(min(outputs, 256), inputs) / inputs**0.5
    weight = tile.repeat(-(-outputs // len(tile)), 1)[:outputs]
    return PACK[bits](weight).moved(weight.device)


def compare() -> list[dict[str, object]]:
    """The largest error as a share of the largest number, by way, bits, precision and rows."""
    found = []
    for bits, dtype in itertools.product(PACK, (torch.float32, torch.bfloat16, torch.float16)):
        for (outputs, inputs), rows in itertools.product(((512, 1024), (37, 50)), (1, 5, 16, 100)):
            matrix, x = packed(bits, outputs, inputs), normal(rows, inputs, dtype=dtype)
            bias = normal(outputs, dtype=dtype)
            expected = x.double() @ matrix.decoded().double().T + bias
            errors = {
                name: float((way(x, matrix, bias) - expected).abs().max() / expected.abs().max())
                for name, way in WAYS.items()
                if rows <= MOST[name]
            }
            kind = str(dtype).removeprefix("torch.")
            told = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
            print(f"{bits} bits, {kind}, {rows} × {inputs} → {outputs}: {told}", flush=True)
            found.append({"bits": bits, "dtype": kind, "rows": rows, "errors": errors})
    return found


def over(by: Callable[..., Tensor], x: Tensor, matrices: Sequence[object]) -> Numbered:
    """The product of x with one of the matrices after the other."""
    return lambda number: by(x, matrices[number % len(matrices)])


def interleaved(calls: Mapping[str, Numbered], rounds: int) -> dict[str, float]:
    """Median seconds of each call as a graph launches it; the number is that of the round."""
    graphs = {name: captured(call) for name, call in calls.items()}
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(-2, rounds):
        for name, (graph, count) in graphs.items():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            if number >= 0:
                took[name].append(start.elapsed_time(end) / 1000 / count)
    return {name: statistics.median(each) for name, each in took.items()}


def captured(call: Numbered, count: int = 16) -> tuple[torch.cuda.CUDAGraph, int]:
    """So many calls one after the other in a graph, so that no launch from Python is measured."""
    for number in range(count):
        call(number)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for number in range(count):
            call(number)
    return graph, count


def products(rounds: int, copy: float) -> list[dict[str, object]]:
    """Microseconds of each way, and the share of a copy's bandwidth at which W is read."""
    found = []
    for (name, (outputs, inputs)), bits in itertools.product(SHAPES.items(), PACK):
        first = packed(bits, outputs, inputs)
        copies = max(2, min(16, int(CACHE / first.nbytes) + 1))
        matrices = [
            first,
            *(first.moved(torch.device("cpu")).moved(first.device) for _ in range(copies - 1)),
        ]
        weights = [first.decoded().bfloat16() for _ in range(max(2, copies // 4))]
        for rows in ROWS:
            x = normal(rows, inputs, dtype=torch.bfloat16)
            calls = {way: over(by, x, matrices) for way, by in WAYS.items() if rows <= MOST[way]}
            calls["torch, bfloat16"] = over(F.linear, x, weights)
            took = interleaved(calls, rounds)
            sizes = dict.fromkeys(WAYS, first.nbytes) | {"torch, bfloat16": weights[0].nbytes}
            share = {way: sizes[way] / each / 1e9 / copy for way, each in took.items()}
            told = ", ".join(f"{w} {1e6 * t:.1f} µs ({share[w]:.0%})" for w, t in took.items())
            print(f"{name}, {bits} bits, {rows} rows: {told}", flush=True)
            about = {"matrix": name, "bits": bits, "rows": rows, "copies": copies}
            found.append({**about, "seconds": took, "share_of_copy": share})
    return found


def decode(copy: float) -> dict[str, dict[str, float]]:
    """A greedy text of one row, launched from Python as serving does it."""
    found = {}
    for bits in (None, *PACK):
        model = build(LAYERS, device="cuda", dtype=torch.bfloat16)
        with torch.no_grad():
            for parameter in model.parameters():  # packing looks at numbers, and speed does not
                parameter.normal_(std=0.02, generator=torch.Generator("cuda").manual_seed(0))
        if bits is not None:
            Quantized(bits=bits, output_bits=8 if bits == 4 else None).attach(model)
        took, size = seconds_per_token(model), packed_bytes(model)
        name = "bfloat16" if bits is None else f"{bits} bits"
        found[name] = {
            "tokens_per_second": 1 / took,
            "gigabytes": size / 1e9,
            "share_of_copy": size / took / 1e9 / copy,
        }
        print("decoding", name, {k: round(v, 3) for k, v in found[name].items()}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", default=["compare", "products", "decode"])
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    if not torch.cuda.is_available() or kernels.triton is None:
        print("the kernels are for a GPU, with Triton; there is none here, so nothing is measured")
        return
    results: dict[str, object] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    card = limits()
    print(card, flush=True)
    results |= card
    if "compare" in asked.parts:
        results["compared"] = compare()
    if "products" in asked.parts:
        with torch.inference_mode():
            results["products"] = products(asked.rounds, card["copy_gb_s"])
        save("quantized_gpu", results)
    if "decode" in asked.parts:
        results["decode"] = decode(card["copy_gb_s"])
    save("quantized_gpu", results)


if __name__ == "__main__":
    main()
