"""Writing with a real model, ours against `transformers.generate`, interleaved in one process.

SmolLM2-135M in float32, greedy: 16 tokens read and 64 written at batch 1 and 8; and the time to the
first token after 512. The peer holds the same weights (written to a folder by us and read by it),
gets the same ids, and has to write the same tokens, which is checked.

    python benchmarks/decode.py [--rounds 5] [--profile]
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import torch

from measure import interleave, limits, medians, save, show, watching_load
from practicum.data.corpora import corpus
from practicum.decoding.generate import Completion, Request, write
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.models.hugging_face import write_folder
from practicum.models.load import Pretrained, load

READ, WRITTEN, LONG = 16, 64, 512
Ids = list[list[int]]
Writer = Callable[[Ids, int], Ids]


def ours(pretrained: Pretrained) -> Writer:
    tokenizer = pretrained.tokenizer
    assert tokenizer is not None, "smollm2 brings its tokenizer"

    def written(prompts: Ids, count: int) -> Ids:
        sampling = Sampling(temperature=0.0, max_tokens=count)
        requests = [
            Request(index=i, ids=tuple(ids), sampling=sampling) for i, ids in enumerate(prompts)
        ]
        found: Ids = [[] for _ in prompts]
        pieces = write(pretrained.model, tokenizer, requests, ends=(), reach=Reach())
        for piece in pieces:
            if isinstance(piece, Completion):
                found[piece.index] = list(piece.ids)
        return found

    return written


def in_transformers(pretrained: Pretrained) -> Any:
    """The same weights as a model of `transformers`."""
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory() as folder:
        write_folder(pretrained.model, folder)
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def transformers_generate(model: Any, **more: Any) -> Writer:
    """Greedy, with `more` of the arguments of its `generate`."""

    def written(prompts: Ids, count: int) -> Ids:
        ids = torch.tensor(prompts)
        everything = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=count,
            eos_token_id=None,
            pad_token_id=0,
            **more,
        )
        return everything[:, ids.shape[1] :].tolist()

    return written


def prompts_of(pretrained: Pretrained, count: int, length: int) -> Ids:
    """Different pieces of real prose, `length` tokens each."""
    assert pretrained.tokenizer is not None, "smollm2 brings its tokenizer"
    text = "\n".join(document.text for document in corpus("topics").documents[:40])
    ids = pretrained.tokenizer.encode(text)
    return [ids[i * length : (i + 1) * length] for i in range(count)]


def compare(
    title: str, writers: dict[str, Writer], prompts: Ids, count: int, rounds: int
) -> dict[str, object]:
    """Medians of every contestant for one task, and how many of the tokens are the same."""
    results = {who: writer(prompts, count) for who, writer in writers.items()}
    same = agreement(*results.values())
    with watching_load() as watched:
        seconds = interleave(
            {who: lambda w=writer: w(prompts, count) for who, writer in writers.items()},
            rounds=rounds,
            warmup=0,
        )
    show(title, seconds, "transformers")
    middle, tokens = medians(seconds), len(prompts) * count
    speedup = middle["transformers"] / middle["practicum"]
    noisy = " (noisy)" if watched.noisy else ""
    print(f"  ×{speedup:.2f}, {same:.0%} same tokens, foreign load {watched.foreign:.0%}{noisy}")
    return {
        "tokens_per_second": {who: tokens / middle[who] for who in middle},
        "seconds": middle,
        "speedup": speedup,
        "same_tokens": same,
        "foreign": watched.foreign,
    }


def agreement(one: Ids, other: Ids) -> float:
    """The share of tokens before (not at or after) the first difference in each row."""
    agreed = sum(_until_difference(a, b) for a, b in zip(one, other, strict=True))
    return agreed / sum(map(len, one))


def _until_difference(a: Sequence[int], b: Sequence[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))


def profile(writer: Writer, prompts: Ids) -> None:
    """What a step is made of: the operators that take longest, by their own time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    with profiler(activities=[ProfilerActivity.CPU]) as seen:
        writer(prompts, WRITTEN)
    print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=14))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="ours alone, by operator")
    asked = parser.parse_args()
    pretrained = load("smollm2", dtype=torch.float32)
    pretrained.model.prepack()
    if asked.profile:
        profile(ours(pretrained), prompts_of(pretrained, 1, READ))
        return
    writers = {
        "practicum": ours(pretrained),
        "transformers": transformers_generate(in_transformers(pretrained)),
    }
    tasks = {
        "batch_1": (f"batch 1: {READ} + {WRITTEN} tokens", 1, READ, WRITTEN),
        "batch_8": (f"batch 8: {READ} + {WRITTEN} tokens", 8, READ, WRITTEN),
        "first_token": (f"first token after {LONG}", 1, LONG, 1),
    }
    results: dict[str, object] = {
        name: compare(title, writers, prompts_of(pretrained, rows, length), count, asked.rounds)
        for name, (title, rows, length, count) in tasks.items()
    }
    save("decode", {**results, "limits": limits()})


if __name__ == "__main__":
    main()
