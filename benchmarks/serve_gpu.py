"""The serving engine on a GPU: its steps as CUDA graphs, kernel by kernel, and `transformers`.

SmolLM2-135M, greedy, 1 to 64 texts of 16 tokens that write 128 more, in float32 (products in full
precision) and bfloat16. What counts is tokens per second, and the bytes that have to be read for
them (every weight once a step, and the keys and values of the rows) as a share of the bandwidth of
a copy, measured in the same run. A step alone, without what the engine does around it, is timed
beside that. In float32 all have to write the same tokens.

    python benchmarks/serve_gpu.py [--rows 1 8 16 64] [--rounds 3] [--budget 240] [--smoke]

`--model` is as in `practicum generate`: "smollm2", or the path of its GGUF file on a machine that
cannot bring it. `--model random` is a network of the same shape whose weights are drawn. `--smoke`
runs a tiny one on a CPU, to see that the script runs, and saves nothing.
"""

import argparse
import random
import time
from collections.abc import Sequence
from typing import Any

import torch

from decode import Ids, Writer, agreement, in_transformers, prompts_of, transformers_generate
from gpu import limits, seconds
from measure import interleave, medians, save, show
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.llama import SIZES, llama
from practicum.models.load import Pretrained, load
from practicum.serving.blocks import Lease
from practicum.serving.captured import Steps
from practicum.serving.engine import Engine
from practicum.serving.graphs import again
from practicum.serving.memory import Memory, token_bytes
from practicum.serving.question import Question
from practicum.serving.settings import Settings
from practicum.tokenizers.tokenizer import PieceTokenizer

READ, WRITTEN = 16, 128
TINY = llama(width=32, depth=2, heads=4, kv_heads=2, hidden=48, vocab=300, context=256, tied=True)


class Numbers(PieceTokenizer):
    """Of a network that has learned no text: each id stands for its number."""

    def __init__(self, count: int) -> None:
        super().__init__([f"{id} ".encode() for id in range(count)], {}, end=None, begin=None)

    def _encode_plain(self, text: str) -> list[int]:
        return [int(word) for word in text.split()]

    def description(self) -> dict[str, Any]:
        return {"kind": "Numbers", "count": self.size}


class There:
    """A model of `transformers` whose prompts are brought to where it is."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def generate(self, ids: torch.Tensor, *, attention_mask: torch.Tensor, **more: Any) -> Any:
        device = self.model.device
        return self.model.generate(ids.to(device), attention_mask=attention_mask.to(device), **more)


def pretrained(name: str, device: str) -> Pretrained:
    """The model in float32."""
    if name not in ("random", "tiny"):
        return load(name, device=device, dtype=torch.float32)
    description = TINY if name == "tiny" else SIZES["smollm2-135M"][0]
    model = build(description, seed=0, device=device)
    with torch.no_grad():  # at its initial size a network says the same whatever it has read
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3.0)
    tokenizer = Numbers(description.vocab)
    return Pretrained(
        name=name, model=model, tokenizer=tokenizer, chat_template=None, source="drawn"
    )


def prompts(of: Pretrained, count: int) -> Ids:
    """Real prose, or any ids for a network that has learned none."""
    if not isinstance(of.tokenizer, Numbers):
        return prompts_of(of, count, READ)
    draw = random.Random(count)
    return [[draw.randrange(of.tokenizer.size) for _ in range(READ)] for _ in range(count)]


def settings(rows: int, *, graphs: bool) -> Settings:
    return Settings(rows=rows, chunk=READ * rows, share=False, graphs=graphs)


def written_by_engine(of: Pretrained, rows: int, *, graphs: bool) -> Writer:
    assert of.tokenizer is not None, "every model here has one"
    engine = Engine(LanguageModel(of.model, of.tokenizer, ends=()), settings(rows, graphs=graphs))

    def written(texts: Ids, count: int) -> Ids:
        sampling = Sampling(temperature=0.0, max_tokens=count)
        asked = [Question(ids=tuple(ids), sampling=sampling) for ids in texts]
        found = {end.index: list(end.ids) for end in engine.answers(asked)}
        return [found[i] for i in range(len(texts))]

    return written


def peer(of: Pretrained, device: str) -> Writer | None:
    """`transformers` with the same weights, where it is installed."""
    try:
        model = in_transformers(of)
    except ImportError:
        return None
    dtype = of.model.embedding.weight.dtype
    return transformers_generate(There(model.to(device=device, dtype=dtype)))


def compare(
    of: Pretrained, other: Writer | None, rows: int, rounds: int, copy: float
) -> dict[str, Any]:
    """Tokens per second of all who write, the share of the copy, and how many tokens agree."""
    writers = {
        "graphs": written_by_engine(of, rows, graphs=True),
        "kernels": written_by_engine(of, rows, graphs=False),
        **({} if other is None else {"transformers": other}),
    }
    texts = prompts(of, rows)
    said = {who: write(texts, WRITTEN) for who, write in writers.items()}  # and all are warm
    took = interleave(
        {who: lambda w=write: w(texts, WRITTEN) for who, write in writers.items()},
        rounds=rounds,
        warmup=0,
    )
    dtype = str(of.model.embedding.weight.dtype).removeprefix("torch.")
    show(f"{dtype}, {rows} rows", took, "kernels")
    middle = medians(took)
    least = WRITTEN * step_bytes(of.model, rows)
    return {
        "rows": rows,
        "dtype": dtype,
        "seconds": middle,
        "tokens_per_second": {who: rows * WRITTEN / middle[who] for who in middle},
        "share_of_copy": {who: least / middle[who] / 1e9 / copy for who in middle},
        "same_tokens": {who: agreement(said["kernels"], ids) for who, ids in said.items()},
    }


def step_bytes(model: DecoderModel, rows: int) -> float:
    """What a step has to read: all weights, and what is kept of texts of a middle length."""
    weights = sum(p.nbytes for p in model.parameters())
    return weights + rows * (READ + WRITTEN / 2) * token_bytes(model)


def steps_alone(of: Pretrained, rows: int, copy: float) -> dict[str, Any]:
    """Seconds of a step with its numbers brought over and its scores left where they are."""
    memory = Memory(of.model, settings(rows, graphs=True))
    length = READ + WRITTEN // 2
    leases = [Lease() for _ in range(rows)]
    for lease in leases:
        memory.blocks.extend(lease, length + 1)
    asked = list(range(rows)), leases, [length] * rows
    found, scores = {}, []
    for who, recorder in (("graphs", None), ("kernels", lambda: again)):
        steps = Steps(of.model, memory, rows, recorder)
        took = seconds_of(lambda steps=steps: steps(*asked))
        share = step_bytes(of.model, rows) / took / 1e9 / copy
        found[who] = {"seconds": took, "share_of_copy": share}
        scores.append(steps(*asked))
    played, anew = scores
    assert played is not None, "a Llama can be captured"
    assert anew is not None, "and so it can be run anew"
    error = float((played - anew).abs().max() / anew.abs().max())
    told = {who: f"{1000 * one['seconds']:.2f} ms" for who, one in found.items()}
    print(f"  a step alone: {told}, scores apart by {error:.1e}", flush=True)
    return {**found, "scores_apart": error}


def seconds_of(call: Any) -> float:
    if torch.cuda.is_available():
        return seconds(call, 50)
    return min(interleave({"x": call}, rounds=5)["x"])


def measured(asked: argparse.Namespace, card: dict[str, float]) -> list[dict[str, Any]]:
    """All that fits into the budget, in seconds from now."""
    begun, rows = time.perf_counter(), []
    device = "cpu" if asked.smoke else "cuda"
    of = pretrained("tiny" if asked.smoke else asked.model, device)
    for dtype in (torch.float32, torch.bfloat16):
        of.model.to(dtype)
        other = peer(of, device)
        for count in asked.rows:
            if time.perf_counter() - begun > asked.budget:
                print(f"{dtype}, {count} rows: left out, {asked.budget} s are over")
                continue
            found = compare(of, other, count, asked.rounds, card["copy_gb_s"])
            rows.append({**found, "step": steps_alone(of, count, card["copy_gb_s"])})
            print({k: round(v) for k, v in found["tokens_per_second"].items()}, flush=True)
            if not asked.smoke:
                save("serve_gpu", {**card_of(asked), **card, "measured": rows})
    return rows


def card_of(asked: argparse.Namespace) -> dict[str, object]:
    return {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "model": asked.model,
        "read": READ,
        "written": WRITTEN,
    }


def check(rows: Sequence[dict[str, Any]]) -> None:
    """Say where texts in float32 differ: there rounding hardly ever tips a choice."""
    for row in rows:
        other = {who: share for who, share in row["same_tokens"].items() if share < 1}
        if row["dtype"] == "float32" and other:
            print(f"{row['rows']} rows in float32: of the engine's tokens others wrote {other}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 16, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=240.0, help="seconds for all")
    parser.add_argument("--smoke", action="store_true", help="a tiny network on a CPU")
    asked = parser.parse_args()
    if asked.smoke:
        asked.rows, asked.rounds = [1, 3], 1
        check(measured(asked, {"copy_gb_s": 1.0}))
        return
    if not torch.cuda.is_available():
        print("this measures a GPU, and there is none here; --smoke runs a tiny network on a CPU")
        return
    torch.backends.cuda.matmul.allow_tf32 = False
    check(measured(asked, limits()))


if __name__ == "__main__":
    main()
