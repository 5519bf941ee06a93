"""LLaMA: open and efficient foundation language models (Touvron et al. 2023, arXiv:2302.13971).

A budget C of training fixes the product of parameters N and tokens D; what serving costs depends on
N alone:  C ≈ 6 N D,  and 2 N operations for every token that is read or written (§1).
Claim: the best model at a budget of training is not the one to serve; a smaller one that read more
tokens is as good and cheaper for ever after. LLaMA-13B on a trillion tokens is better than GPT-3
on 0.3 trillion at a thirteenth of its size (Table 3), and all losses still fall (Fig. 1).

Three sizes of one block (RMSNorm, SwiGLU, rotary positions, no biases, untied; §2.2) read what one
budget of operations allows them of Python source and the King James Bible. Controls: the small
size on no more tokens than the large one had, with a schedule of its own, and GPT-2's block
(LayerNorm, GELU, learned positions, biases) in the small one's place.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from torch import nn

from practicum import events
from practicum.data.excerpts import excerpt
from practicum.data.loader import Loader
from practicum.data.packing import Windows
from practicum.data.shards import encode_documents
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import against, curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.counts import forward_flops_per_token, training_flops_per_token
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2, initial
from practicum.models.families.llama import llama, swiglu_hidden
from practicum.objectives.next_token import NextToken
from practicum.tokenizers.bpe_training import train_bpe
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit


@dataclass(frozen=True, kw_only=True)
class Size:
    """A shape, and its rate: for the large and the small the better of two, on another seed."""

    width: int
    depth: int
    rate: float


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The sizes, what they read, and what their training may cost."""

    flops: float = 3e11  # of training, forward and backward, for each arm but one
    large: Size = Size(width=64, depth=4, rate=8e-3)
    medium: Size = Size(width=40, depth=3, rate=8e-3)
    small: Size = Size(width=24, depth=2, rate=16e-3)
    head_width: int = 8
    corpora: tuple[str, ...] = ("python", "kjv")
    text: int = 3_000_000  # bytes to learn from, half of each; the small size reads all of it once
    held_out: int = 40_000  # bytes of other files and chapters
    vocab: int = 1024
    context: int = 128
    # §2.3: AdamW (0.9, 0.95), decay 0.1, clip 1, cosine to a tenth; steps and rate are the arm's
    learn: Budget = Budget(steps=1, batch=4, rate=0.0)
    looks: int = 4  # how often the held-out loss is taken, the last time at the end
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A size, by its name in `Setup`; whose tokens it reads; which block it is made of."""

    size: str
    tokens_of: str
    block: str = "llama"


ARMS = {
    "large": Arm(size="large", tokens_of="large"),
    "medium": Arm(size="medium", tokens_of="medium"),
    "small": Arm(size="small", tokens_of="small"),
    "small, fewer tokens": Arm(size="small", tokens_of="large"),
    "small, GPT-2 block": Arm(size="small", tokens_of="small", block="gpt2"),
}
PAID = ("large", "small", "small, GPT-2 block")  # judged, and they use up the budget


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One model: what it cost to train, what it costs to read a token, how well it predicts."""
    chosen = ARMS[arm]
    windows, unseen = read(setup, seed)
    description = described(setup, chosen)
    model = build(description, seed=seed, device=setup.device)
    steps = affordable(setup, described(setup, ARMS[chosen.tokens_of]))
    budget = replace(
        setup.learn,
        steps=steps,
        rate=size_of(setup, chosen).rate,
        evaluate_every=steps // setup.looks,
    )
    cost = training_flops_per_token(description, setup.context) * budget.batch * setup.context
    losses: list[float] = []
    measured = held_out_loss(NextToken(), unseen, batch=16)

    def evaluate(network: nn.Module) -> float:
        losses.append(measured(network))
        spent = len(losses) * steps // setup.looks * cost
        events.emit(events.Metric(name="by_flops", value=losses[-1], step=round(spent / 1e6)))
        return losses[-1]

    loader = Loader(windows, budget.batch, seed=seed)  # all arms see the same order
    watch = Watch(name=f"{arm}, seed {seed}", evaluate=evaluate)
    trained = fit(model, loader, NextToken(), budget, seed=seed, watch=watch)
    return {
        "loss": losses[-1],
        "falling": losses[-2] - losses[-1] if len(losses) > 1 else 0.0,
        "parameters": parameters_of(description),
        "tokens": trained.tokens,
        "epochs": loader.epoch,
        "training_flops": steps * cost,
        "flops_per_token": forward_flops_per_token(description, setup.context),
    }


@lru_cache(maxsize=1)  # the arms of a seed read the same
def read(setup: Setup, seed: int) -> tuple[Windows, Windows]:
    """What is learned from and what is measured on, in the tokens of the former."""
    text = list(excerpt(setup.corpora, setup.text, seed=seed))
    unseen = list(excerpt(setup.corpora, setup.held_out, seed=seed, held_out=True))
    tokenizer = train_bpe((document.text for document in text), setup.vocab)
    seen, other = (encode_documents(side, tokenizer) for side in (text, unseen))
    return Windows(seen, setup.context), Windows(other, setup.context)


def size_of(setup: Setup, arm: Arm) -> Size:
    """The shape of an arm."""
    return {"large": setup.large, "medium": setup.medium, "small": setup.small}[arm.size]


def described(setup: Setup, arm: Arm) -> Decoder:
    """The network of an arm. Weights start as GPT-2's in both blocks, for the paper is silent."""
    size = size_of(setup, arm)
    width, depth, heads = size.width, size.depth, size.width // setup.head_width
    std = width**-0.5  # as 0.02 is for the papers' widths
    if arm.block == "gpt2":
        built = gpt2(
            width=width, depth=depth, heads=heads, vocab=setup.vocab, context=setup.context, std=std
        )
        return replace(built, tied=False)  # as LLaMA's
    built = llama(
        width=width,
        depth=depth,
        heads=heads,
        hidden=swiglu_hidden(width, multiple=16),
        vocab=setup.vocab,
        context=setup.context,
    )
    return replace(built, initial=initial(depth, std))


def affordable(setup: Setup, description: Decoder) -> int:
    """Steps that cost the budget, rounded so that looks fall on steps."""
    tokens = setup.flops / training_flops_per_token(description, setup.context)
    between = tokens / (setup.learn.batch * setup.context) / setup.looks
    return max(1, round(between)) * setup.looks


def overspent(r: Results) -> float:
    """How far what the judged arms cost differs, as a part of the smallest."""
    spent = [r[arm].training_flops for arm in PAID]
    return max(spent) / min(spent) - 1


def loss_by_training(rows: Rows) -> Picture:
    """Held-out loss over the operations of training so far."""
    title = "One budget of training, three sizes"
    y = "held-out nats per token"
    return curves(rows, "by_flops", title=title, y=y, x="training MFLOP", log_x=True)


def loss_by_serving(rows: Rows) -> Picture:
    """Held-out loss at the end over what the model then costs per token."""
    return against(
        rows,
        "loss",
        "flops_per_token",
        title="What is served: loss and its price",
        x_label="FLOP to read a token",
        y_label="held-out nats per token",
        controls=("small, fewer tokens", "small, GPT-2 block"),
        log_x=True,
    )


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("medium",),
    presets={
        "smoke": replace(
            CPU,
            flops=4e8,
            large=Size(width=48, depth=2, rate=4e-3),
            medium=Size(width=32, depth=2, rate=4e-3),
            small=Size(width=16, depth=1, rate=8e-3),
            corpora=("topics",),
            text=60_000,
            held_out=6_000,
            vocab=300,
            context=32,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            flops=1e17,
            large=Size(width=1024, depth=16, rate=1e-3),
            medium=Size(width=512, depth=8, rate=2e-3),
            small=Size(width=256, depth=6, rate=4e-3),
            head_width=64,
            corpora=("python", "kjv", "shakespeare", "docstrings"),
            text=40_000_000,
            held_out=400_000,
            vocab=8192,
            context=512,
            learn=replace(CPU.learn, batch=32, precision="auto", compile=True),
            looks=8,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 4},
    validity=(
        Validity(
            "one budget of training: what is compared differs by 3 % at most",
            value=overspent,
            at_most=0.03,
        ),
    ),
    claims=(
        Claim(
            "for the same training the small model predicts no worse than the large one",
            value=lambda r: r.large.loss - r.small.loss,
            at_least=0,
            source="Table 3: 13B and 1T tokens against 175B and 0.3T",
        ),
        Claim(
            "and takes a sixth of the operations per token, or fewer",
            value=lambda r: r.large.flops_per_token / r.small.flops_per_token,
            at_least=6,
            source="Table 3: a thirteenth of the parameters",
        ),
        Claim(
            "it is the tokens: on as few as the large one had it is worse by 0.05 nats (control)",
            value=lambda r: r["small, fewer tokens"].loss - r.large.loss,
            at_least=0.05,
            source="§1; the margin is ours",
        ),
        Claim(
            "the small model's loss still falls by 0.02 nats in the last quarter",
            value=lambda r: r.small.falling,
            at_least=0.02,
            source="Fig. 1; the margin is ours",
        ),
        Claim(
            "at one size and as many tokens the block is as good as GPT-2's, within 0.01 nats",
            value=lambda r: r.small.loss - r["small, GPT-2 block"].loss,
            at_most=0.01,
            source="§2.2, whose choices the paper does not ablate",
        ),
    ),
    plots=(loss_by_training, loss_by_serving),
)
