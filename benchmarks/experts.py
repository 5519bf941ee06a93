"""A Mixtral, ours and that of `transformers` by both its ways of reading experts: training steps.

All have the same weights and read the same tokens, in float32, without a price of uneven choice.
"grouped_mm", torch's kernel for all experts at once, is the peer's default; "eager" takes expert
after expert. What the machine could do at most is its own matrix product in the same process.

    python benchmarks/experts.py [--rounds 7] [--rows 4] [--length 256] [--profile]
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from measure import interleave, limits, medians, save, show, watching_load
from practicum.models.build import build
from practicum.models.counts import training_flops_per_token
from practicum.models.families.mixtral import mixtral
from practicum.models.families.mixtral_weights import MIXTRAL, stacked_weights
from practicum.models.weight_table import outgoing
from practicum.objectives.next_token import NextToken, TokenBatch

SHAPE = mixtral(width=256, depth=4, heads=8, kv_heads=4, hidden=896, vocab=4096, context=1024)
DEFAULT, PEERS = "grouped_mm", ("grouped_mm", "eager")


def stepper(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], float]:
    """Forward and backward; gives the loss."""

    def step() -> float:
        model.zero_grad(set_to_none=True)
        total = loss()
        total.backward()
        return float(total.detach())

    return step


def practicum(model: nn.Module, ids: Tensor, targets: Tensor) -> Callable[[], float]:
    batch = TokenBatch(ids, targets)

    def loss() -> Tensor:
        scored = NextToken().loss(model, batch)
        return scored.total / scored.count

    return stepper(model, loss)


def transformers(
    ours: nn.Module, experts: str, ids: Tensor, targets: Tensor
) -> Callable[[], float]:
    """The peer with the weights of ours."""
    from transformers import MixtralConfig, MixtralForCausalLM

    entries: dict[str, Any] = MIXTRAL.to_config(SHAPE)
    config = MixtralConfig(
        **entries,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="sdpa",
        experts_implementation=experts,
        use_cache=False,
    )
    model = MixtralForCausalLM(config).train()
    model.load_state_dict(outgoing(ours, stacked_weights(SHAPE)))

    def loss() -> Tensor:
        return F.cross_entropy(model(ids).logits.flatten(0, 1), targets.flatten())

    return stepper(model, loss)


def profiled(step: Callable[[], float]) -> None:
    """Print where the time of one step goes."""
    with torch.profiler.profile() as profile:
        step()
    print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))


def compare(steps: dict[str, Callable[[], float]], ids: Tensor, rounds: int) -> dict[str, object]:
    """Interleaved steps of all; prints and returns medians, ratios and the limit."""
    losses = [step() for step in steps.values()]
    assert max(losses) - min(losses) < 1e-4, f"not one function: {losses}"
    with watching_load() as load:
        seconds = interleave(steps, rounds=rounds)
    middle, tokens = medians(seconds), ids.numel()
    flops = training_flops_per_token(SHAPE, ids.shape[1]) * tokens
    limit = limits()["matmul_gflops"]
    show(f"forward and backward of {tokens} tokens, {flops / 1e9:.0f} GFLOP", seconds, DEFAULT)
    for who, taken in middle.items():
        rate, reached = tokens / taken, flops / taken / 1e9
        print(f"  {who}: {rate:,.0f} tok/s, {reached:.0f} of {limit:.0f} GFLOP/s")
    print(f"  foreign load {load.foreign:.0%}{' (noisy)' * load.noisy}")
    return {
        "tokens": tokens,
        "tokens_per_second": {who: tokens / taken for who, taken in middle.items()},
        "speedup": {peer: middle[peer] / middle["practicum"] for peer in PEERS},
        "gflops": {who: flops / taken / 1e9 for who, taken in middle.items()},
        "limit_gflops": limit,
        "foreign": load.foreign,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--profile", action="store_true", help="of ours; nothing is saved")
    asked = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    draw = torch.randint(SHAPE.vocab, (asked.rows, asked.length + 1), generator=generator)
    ids, targets = draw[:, :-1].contiguous(), draw[:, 1:].contiguous()
    ours = build(SHAPE, seed=0).train()
    steps = {"practicum": practicum(ours, ids, targets)}
    if asked.profile:
        steps["practicum"]()
        profiled(steps["practicum"])
        return
    steps |= {peer: transformers(ours, peer, ids, targets) for peer in PEERS}
    save("experts", compare(steps, ids, asked.rounds))


if __name__ == "__main__":
    main()
