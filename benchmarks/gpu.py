"""A GPU's limits, and how near to them training and decoding come: GPT-2 124M and a Llama of 1B.

Training is in bfloat16 autocast with AdamW, eager and compiled, beside a minimum in the style of
nanoGPT; what counts is the share of the card's own matrix product of 8192³, measured in the same
run. Decoding is greedy, one text, weights in bfloat16; what counts is the share of the bandwidth
of a copy that reading every weight once per token comes to.

    python benchmarks/gpu.py [--parts limits gpt2 llama decode] [--steps 10]
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from measure import save
from practicum.decoding.model import prefill, step
from practicum.models.build import build
from practicum.models.counts import training_flops_per_token
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.objectives.next_token import NextToken, TokenBatch
from practicum.training.compilation import compile_parts
from train_step import Minimal, stepper

DEVICE = torch.device("cuda")


@dataclass(frozen=True)
class Training:
    """A model and the rectangle of tokens of one update."""

    model: Decoder
    rows: int
    length: int


GPT2 = Training(gpt2(width=768, depth=12, heads=12, vocab=50_304, context=1024), 32, 1024)
LLAMA = Training(
    llama(width=2048, depth=16, heads=32, kv_heads=8, hidden=8192, vocab=32_000), 8, 2048
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", default=["limits", "gpt2", "llama", "decode"])
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    results: dict[str, Any] = {"card": torch.cuda.get_device_name(), "torch": torch.__version__}
    results |= limits()
    print(results, flush=True)
    peak, copy = results["matmul_tflops"], results["copy_gb_s"]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "gpt2": lambda: training("GPT-2 124M", GPT2, asked.steps, peak, peer=True),
        "llama": lambda: training("Llama 1B", LLAMA, asked.steps, peak, peer=False),
        "decode": lambda: decoding(copy),
    }
    for name in asked.parts:
        if name in parts:
            results[name] = parts[name]()
            save("gpu", results)


def limits() -> dict[str, float]:
    """10¹² operations per second of a bfloat16 product, 10⁹ bytes moved per second by a copy."""
    a, b = (torch.randn(8192, 8192, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    source = torch.randn(2**28, device=DEVICE)
    target = torch.empty_like(source)
    multiply, copy = seconds(lambda: a @ b, 20), seconds(lambda: target.copy_(source), 20)
    return {
        "matmul_tflops": 2 * 8192**3 / multiply / 1e12,
        "copy_gb_s": 2 * source.nbytes / copy / 1e9,
    }


def seconds(call: Callable[[], object], times: int) -> float:
    """The mean of so many calls, after three."""
    for _ in range(3):
        call()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(times):
        call()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000 / times


def training(
    name: str, work: Training, steps: int, peak: float, *, peer: bool
) -> dict[str, dict[str, float]]:
    """Tokens per second and the share of the peak, of each way to take a step."""
    draw = torch.randint(work.model.vocab, (work.rows, work.length + 1), device=DEVICE)
    ids, targets = draw[:, :-1].contiguous(), draw[:, 1:].contiguous()
    flops = training_flops_per_token(work.model, work.length) * ids.numel()
    found = {}
    for who in ("eager", "compiled", *(("minimal, compiled",) if peer else ())):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        begun = time.perf_counter()
        update = minimal(work, ids, targets) if "minimal" in who else ours(work, ids, targets, who)
        update()
        torch.cuda.synchronize()
        first = time.perf_counter() - begun
        took = seconds(update, steps)
        found[who] = {
            "tokens_per_second": ids.numel() / took,
            "share_of_peak": flops / took / 1e12 / peak,
            "first_step_seconds": first,
            "peak_gb": torch.cuda.max_memory_allocated() / 1e9,
        }
        print(name, who, {k: round(v, 3) for k, v in found[who].items()}, flush=True)
        del update
    return found


def ours(work: Training, ids: Tensor, targets: Tensor, who: str) -> Callable[[], None]:
    model = build(work.model, device=DEVICE).train()
    batch = TokenBatch(ids, targets)
    if who == "compiled":
        compile_parts(model)

    def loss() -> Tensor:
        scored = NextToken().loss(model, batch)
        return scored.total / scored.count

    return stepper(model, loss, DEVICE)


def minimal(work: Training, ids: Tensor, targets: Tensor) -> Callable[[], None]:
    stack = work.model.stack
    heads = stack.blocks[0].attention.heads
    model = Minimal(stack.width, stack.depth, heads, work.model.vocab, work.length).to(DEVICE)
    compiled = torch.compile(model.train())

    def loss() -> Tensor:
        logits = compiled(ids).flatten(0, 1).float()
        return nn.functional.cross_entropy(logits, targets.flatten())

    return stepper(model, loss, DEVICE)


def decoding(copy: float) -> dict[str, dict[str, float]]:
    """Tokens per second, and bytes of weights read per second as a share of a copy's."""
    found = {}
    for name, work in (("GPT-2 124M", GPT2), ("Llama 1B", LLAMA)):
        model = build(work.model, device=DEVICE, dtype=torch.bfloat16)
        took = seconds_per_token(model)
        read = sum(p.nbytes for p in model.parameters())
        found[name] = {
            "tokens_per_second": 1 / took,
            "share_of_copy": read / took / 1e9 / copy,
        }
        print("decoding", name, {k: round(v, 4) for k, v in found[name].items()}, flush=True)
    return found


def seconds_per_token(model: DecoderModel) -> float:
    """Of a greedy step after 64 tokens."""
    logits, state = prefill(model, [list(range(64))], 512)
    last = logits.argmax(-1)

    def token() -> None:
        nonlocal last
        last = step(model, last, state).argmax(-1)

    return seconds(token, 100)


if __name__ == "__main__":
    main()
