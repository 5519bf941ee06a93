"""Writing with SmolLM2-135M in fewer bits, interleaved in one process.

The same greedy text from the same prompts with weights in float32 (as `models.load` gives them,
prepacked), bfloat16, 8 bits and 4 bits (the file's own: Q4_1, and Q8_0 for the output), at batch 1,
8 and 16: tokens per second after the prompt, the bound that reading every weight once per step sets
on this machine, and what the bits cost (KL from float32, agreement). Where llama-cpp-python is
installed its Q4_1 joins at batch 1.

    python benchmarks/quantized.py [--rounds 5] [--batches 1 8 16] [--profile]
"""

import argparse
import copy
import time
from collections.abc import Callable, Sequence

import torch

from measure import interleave, limits, medians, save, watching_load
from practicum.adapters.quantize import Quantized, packed_bytes
from practicum.data.corpora import corpus
from practicum.decoding.model import prefill, step
from practicum.evaluation.divergence import divergence
from practicum.kernels import native
from practicum.models.decoder import DecoderModel
from practicum.models.load import load

READ, WRITTEN, LONG = 16, 32, 512
WAYS = {
    "float32 packed": Quantized(bits=32),
    "bfloat16": Quantized(bits=16),
    "8 bits": Quantized(bits=8),
    "4 bits": Quantized(bits=4, output_bits=8),
}
Ids = Sequence[Sequence[int]]


def models() -> tuple[dict[str, DecoderModel], list[int], dict[str, dict[str, float]]]:
    """The contestants, tokens of real prose, and what is known of each contestant."""
    pretrained = load("smollm2", dtype=torch.float32)
    assert pretrained.tokenizer is not None, "smollm2 brings its tokenizer"
    text = "\n".join(document.text for document in corpus("topics").documents[:40])
    ids = pretrained.tokenizer.encode(text)
    found = {"float32": pretrained.model}
    about: dict[str, dict[str, float]] = {"float32": {"bytes": packed_bytes(pretrained.model)}}
    for name, way in WAYS.items():
        model = copy.deepcopy(pretrained.model)
        start = time.perf_counter()
        packing = way.attach(model)
        seconds = time.perf_counter() - start
        errors = list(packing.errors())
        apart = divergence(pretrained.model, model, [ids[-LONG:]])
        found[name] = model
        about[name] = {
            "bytes": packed_bytes(model),
            "packing_seconds": seconds,
            "largest_relative_error": max(error.relative for error in errors),
            "kl": apart.kl,
            "same_token": apart.same,
        }
    pretrained.model.prepack()
    return found, ids, about


def writer(model: DecoderModel, prompts: Ids) -> Callable[[], None]:
    """Writes from after the prompt, which is read once: `WRITTEN` tokens in every row."""
    first, state = prefill(model, prompts, READ + WRITTEN + 1)
    start = first.argmax(-1)

    def write() -> None:
        state.truncate([READ] * len(prompts))
        ids = start
        for _ in range(WRITTEN):
            ids = step(model, ids, state).argmax(-1)

    return write


def llama_cpp(prompt: Sequence[int]) -> Callable[[], None] | None:
    """The peer on the same file, if it is installed."""
    try:
        from llama_cpp import Llama
    except ImportError:
        return None
    from practicum.data.fetch import ensure

    peer = Llama(
        str(ensure("smollm2")), n_ctx=256, n_threads=torch.get_num_threads(), verbose=False
    )
    peer.eval(list(prompt))

    def write() -> None:
        peer.n_tokens = len(prompt)
        for _ in range(WRITTEN):
            peer.eval([peer.sample(temp=0.0)])

    return write


def compare(
    found: dict[str, DecoderModel], prompts: Ids, rounds: int, bounds: dict[str, float]
) -> dict[str, object]:
    contestants = {name: writer(model, prompts) for name, model in found.items()}
    if len(prompts) == 1 and (peer := llama_cpp(prompts[0])) is not None:
        contestants["llama.cpp Q4_1"] = peer
    with watching_load() as watched:
        seconds = interleave(contestants, rounds=rounds)
    tokens = len(prompts) * WRITTEN
    speeds = {name: tokens / middle for name, middle in medians(seconds).items()}
    best = {name: tokens / min(each) for name, each in seconds.items()}
    noisy = " (noisy)" if watched.noisy else ""
    print(f"batch {len(prompts)}, foreign load {watched.foreign:.0%}{noisy}")
    for name, speed in speeds.items():
        bound = bounds.get(name, float("nan")) * len(prompts)
        times = speed / speeds["float32"]
        print(
            f"  {name:15} {speed:7.1f} tok/s (best {best[name]:7.1f}, memory allows {bound:7.0f})"
            f"  ×{times:.2f}"
        )
    return {"tokens_per_second": speeds, "best": best, "foreign": watched.foreign}


def first_token(
    found: dict[str, DecoderModel], ids: Sequence[int], rounds: int
) -> dict[str, float]:
    """Milliseconds from a prompt of `LONG` tokens to the scores of the next."""
    reads = {
        name: lambda m=model: prefill(m, [ids[:LONG]], LONG + 1) for name, model in found.items()
    }
    seconds = medians(interleave(reads, rounds=rounds))
    print(f"first token after {LONG}")
    for name, each in seconds.items():
        print(f"  {name:15} {1000 * each:7.1f} ms  ×{seconds['float32'] / each:.2f}")
    return {name: 1000 * each for name, each in seconds.items()}


def profile(model: DecoderModel, prompts: Ids) -> None:
    """Where the time of a step goes, by Python function."""
    import cProfile
    import pstats

    write = writer(model, prompts)
    write()
    watch = cProfile.Profile()
    watch.runcall(write)
    pstats.Stats(watch).sort_stats("tottime").print_stats(14)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--profile", action="store_true", help="of a step, instead of comparing")
    asked = parser.parse_args()
    print(f"compiled kernels {native.available()}")
    found, ids, about = models()
    prompts = {n: [ids[i * READ : (i + 1) * READ] for i in range(n)] for n in asked.batches}
    if asked.profile:
        for name, model in found.items():
            print(name)
            profile(model, prompts[asked.batches[0]])
        return
    allows = limits()
    bounds = {name: allows["memory_gb_s"] * 1e9 / each["bytes"] for name, each in about.items()}
    for name, each in about.items():
        print(name, {key: float(f"{value:.4g}") for key, value in each.items()})
    speeds: dict[str, object] = {
        f"batch_{rows}": compare(found, each, asked.rounds, bounds)
        for rows, each in prompts.items()
    }
    speeds["first_token_ms"] = first_token(found, ids, asked.rounds)
    result = {**speeds, "models": about, "bounds": bounds, "limits": allows}
    save("quantized", {**result, "compiled": native.available().split(",")[0]})


if __name__ == "__main__":
    main()
