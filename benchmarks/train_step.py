"""One training step (forward, backward, clip, AdamW) of a GPT-2, ours and two peers interleaved.

Peers: `transformers` (sdpa attention, fused AdamW) and a minimum in the style of nanoGPT (fused
qkv, sdpa, all logits, fused AdamW). All see the same tokens, in float32 on a CPU and in bfloat16
autocast on a GPU. What the machine could do at most is its own matrix product in the same run.

    python benchmarks/train_step.py [--configs 6x384 124M 6x384-50k] [--rounds 7] [--device cuda]
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from measure import interleave, limits, medians, save, show, watching_load
from practicum.models.build import build
from practicum.models.counts import training_flops_per_token
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.next_token import NextToken, TokenBatch
from practicum.training.budget import Budget
from practicum.training.precision import precise


@dataclass(frozen=True)
class Config:
    """A GPT-2 shape and the rectangle of tokens of one step."""

    model: Decoder
    rows: int
    length: int = 256

    @property
    def shape(self) -> tuple[int, int, int, int]:
        stack = self.model.stack
        return stack.width, stack.depth, stack.blocks[0].mixer.heads, self.model.vocab


CONFIGS = {
    "6x384": Config(gpt2(width=384, depth=6, heads=6, vocab=4096, context=256), rows=12),
    "124M": Config(gpt2(width=768, depth=12, heads=12, vocab=50_257, context=256), rows=1),
    "6x384-50k": Config(gpt2(width=384, depth=6, heads=6, vocab=50_304, context=256), rows=12),
}
BUDGET = Budget(steps=1, batch=1, rate=1e-4)


def stepper(
    model: nn.Module, loss: Callable[[], Tensor], device: torch.device
) -> Callable[[], None]:
    """The step all contestants share: only the loss differs."""
    parameters = list(model.parameters())
    optimiser = BUDGET.optimiser.over(parameters)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with precise("auto", device):
            total = loss()
        total.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def ours(config: Config, ids: Tensor, targets: Tensor) -> Callable[[], None]:
    model = build(config.model, device=ids.device).train()
    batch = TokenBatch(ids, targets)

    def loss() -> Tensor:
        scored = NextToken().loss(model, batch)
        return scored.total / scored.count

    return stepper(model, loss, ids.device)


def transformers_gpt2(config: Config, ids: Tensor, targets: Tensor) -> Callable[[], None]:
    from transformers import GPT2Config, GPT2LMHeadModel

    width, depth, heads, vocab = config.shape
    described = GPT2Config(
        n_embd=width,
        n_layer=depth,
        n_head=heads,
        vocab_size=vocab,
        n_positions=config.length,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        attn_implementation="sdpa",
        use_cache=False,
    )
    model = GPT2LMHeadModel(described).to(ids.device).train()

    def loss() -> Tensor:
        logits = model(ids).logits
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    return stepper(model, loss, ids.device)


class MinimalBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, self.heads, d // self.heads).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(d, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Minimal(nn.Module):
    def __init__(self, width: int, depth: int, heads: int, vocab: int, context: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(MinimalBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def minimal(config: Config, ids: Tensor, targets: Tensor) -> Callable[[], None]:
    width, depth, heads, vocab = config.shape
    model = Minimal(width, depth, heads, vocab, config.length).to(ids.device).train()

    def loss() -> Tensor:
        return F.cross_entropy(model(ids).flatten(0, 1).float(), targets.flatten())

    return stepper(model, loss, ids.device)


CONTESTANTS = {"practicum": ours, "transformers": transformers_gpt2, "minimal": minimal}


def compare(name: str, config: Config, *, rounds: int, device: str) -> dict[str, object]:
    """Interleaved steps of every contestant; prints and returns medians, ratios and the limit."""
    generator = torch.Generator().manual_seed(0)
    draw = torch.randint(config.model.vocab, (config.rows, config.length + 1), generator=generator)
    ids, targets = (part.contiguous().to(device) for part in (draw[:, :-1], draw[:, 1:]))
    steps = {who: make(config, ids, targets) for who, make in CONTESTANTS.items()}
    with watching_load() as load:
        seconds = interleave(steps, rounds=rounds)
    middle, tokens = medians(seconds), config.rows * config.length
    flops = training_flops_per_token(config.model, config.length) * tokens
    limit = limits()["matmul_gflops"]
    show(f"{name}: {tokens} tokens a step, {flops / 1e9:.0f} GFLOP", seconds, "transformers")
    speed = {who: tokens / middle[who] for who in middle}
    reached = {who: flops / middle[who] / 1e9 for who in middle}
    for who in middle:
        share = reached[who] / limit if device == "cpu" else math.nan
        print(
            f"  {who}: {speed[who]:,.0f} tok/s, {reached[who]:.0f} GFLOP/s ({share:.0%} of limit)"
        )
    print(f"  limit {limit:.0f} GFLOP/s, foreign load {load.foreign:.0%}{' (noisy)' * load.noisy}")
    return {
        "tokens_per_second": speed,
        "speedup": {who: middle[who] / middle["practicum"] for who in middle if who != "practicum"},
        "gflops": reached,
        "limit_gflops": limit,
        "foreign": load.foreign,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", nargs="+", default=["6x384", "124M"], choices=list(CONFIGS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    results = {
        name: compare(name, CONFIGS[name], rounds=asked.rounds, device=asked.device)
        for name in asked.configs
    }
    save("train_step" if asked.device == "cpu" else f"train_step_{asked.device}", results)


if __name__ == "__main__":
    main()
