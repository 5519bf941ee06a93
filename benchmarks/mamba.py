"""Mamba, ours and that of `transformers` without its CUDA kernels: training steps and generation.

Both have the same weights and read the same tokens, in float32. The backward pass of the peer takes
time in proportion to the square of the length, so the longest rows are left to ours unless
`--patient` is given.

    python benchmarks/mamba.py [--lengths 64 256] [--alone 1024] [--rounds 3] [--patient]
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from measure import interleave, medians, save, show, watching_load
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.mamba import mamba
from practicum.models.families.mamba_weights import MAMBA
from practicum.models.weight_table import outgoing

SHAPE = mamba(width=256, depth=4, vocab=4096, context=4096)
PROMPT, GENERATED = 16, 64  # tokens
LONG = 512  # beyond it the peer takes minutes, and one step has to do


def models() -> tuple[DecoderModel, Any]:
    """Ours and theirs."""
    from transformers import MambaConfig, MambaForCausalLM

    ours = build(SHAPE, seed=0)
    theirs = MambaForCausalLM(MambaConfig(**MAMBA.to_config(SHAPE), eos_token_id=None)).eval()
    missing = theirs.load_state_dict(outgoing(ours, MAMBA.weights(SHAPE)), strict=False)
    assert set(missing.missing_keys) <= {"lm_head.weight"}, missing  # tied
    theirs.tie_weights()
    return ours, theirs


def step(model: nn.Module, logits: Callable[[torch.Tensor], torch.Tensor], length: int) -> None:
    """Forward and backward."""
    ids = torch.arange(length + 1)[None] * 7919 % SHAPE.vocab
    model.zero_grad(set_to_none=True)
    F.cross_entropy(logits(ids[:, :-1]).flatten(0, 1), ids[0, 1:]).backward()


def train(ours: DecoderModel, theirs: Any, length: int, rounds: int) -> dict[str, object]:
    """Seconds of a step of one row."""
    calls = {
        "practicum": lambda: step(ours, ours, length),
        "transformers": lambda: step(theirs, lambda ids: theirs(ids).logits, length),
    }
    slow = length > LONG
    with watching_load() as load:
        seconds = interleave(calls, rounds=1 if slow else rounds, warmup=0 if slow else 1)
    show(f"forward and backward, one row of {length}", seconds, "transformers")
    middle = medians(seconds)
    ratio = middle["transformers"] / middle["practicum"]
    return {"seconds": middle, "speedup": ratio, "foreign": load.foreign}


def alone(ours: DecoderModel, length: int, rounds: int) -> dict[str, object]:
    """Seconds of a step of ours where the peer is not waited for."""
    seconds = interleave({"practicum": lambda: step(ours, ours, length)}, rounds=rounds)
    show(f"forward and backward, one row of {length}", seconds, "practicum")
    return {"seconds": medians(seconds)}


@torch.inference_mode()
def generate(model: DecoderModel) -> list[int]:
    """The likeliest tokens, one after the other."""
    state, token = model.new_state(1, PROMPT + GENERATED), torch.arange(PROMPT)[None]
    told: list[int] = []
    for _ in range(GENERATED):
        token = model.logits(model.hidden(token, state)[:, -1:]).argmax(-1)
        told.append(int(token))
    return told


def decode(ours: DecoderModel, theirs: Any, rounds: int) -> dict[str, object]:
    """Tokens a second, the prompt included; both must say the same."""
    told: dict[str, list[int]] = {}

    def by_us() -> None:
        told["practicum"] = generate(ours)

    def by_them() -> None:
        ids = torch.arange(PROMPT)[None]
        mask = torch.ones_like(ids)
        out = theirs.generate(
            ids, attention_mask=mask, max_new_tokens=GENERATED, do_sample=False, pad_token_id=0
        )
        told["transformers"] = out[0, PROMPT:].tolist()

    calls = {"practicum": by_us, "transformers": by_them}
    with watching_load() as load:
        seconds = interleave(calls, rounds=rounds)
    show(f"{PROMPT} tokens read, {GENERATED} generated", seconds, "transformers")
    same = told["practicum"] == told["transformers"]
    speed = {who: GENERATED / value for who, value in medians(seconds).items()}
    print(f"  tokens a second: {speed}, the same tokens: {same}")
    return {"tokens_per_second": speed, "same_tokens": same, "foreign": load.foreign}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="*", default=[64, 256])
    parser.add_argument("--alone", type=int, nargs="*", default=[1024])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patient", action="store_true", help="wait for the peer everywhere")
    asked = parser.parse_args()
    ours, theirs = models()
    compared = [*asked.lengths, *(asked.alone if asked.patient else [])]
    steps: dict[str, object] = {
        str(length): train(ours, theirs, length, asked.rounds) for length in compared
    }
    if not asked.patient:
        steps |= {str(length): alone(ours, length, asked.rounds) for length in asked.alone}
    save("mamba", {"steps": steps, "generation": decode(ours, theirs, asked.rounds)})


if __name__ == "__main__":
    main()
