"""The Annotated Transformer (Rush 2018; revised by Huang et al. 2022, nlp.seas.harvard.edu).

A complete, readable Transformer with all that the paper leaves open fixed, tried on copying:
rate(step) = factor · d^−½ · min(step^−½, step · warmup^−3/2), x + dropout(sublayer(norm(x))).
Claim: the described system, wired exactly so, learns to copy with greedy decoding; without
positions it cannot, and with the subsequent mask forgotten its loss is low and it copies nothing.

Norms before each part are the article's choice; those of the paper, after each sum, and a constant
rate without a warm-up are arms that are shown and not judged: at two layers either may do. The
rate has half the article's factor and 300 updates of warm-up, not 400: by update 800, where this
ends, its own is still too high for the last few sequences.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from practicum.data.copying import BEGIN, END, Copying
from practicum.data.drawn import Drawn, fresh
from practicum.data.parallel import TokenPair
from practicum.decoding.exact_match import exact_match
from practicum.interpret.trace import Keep, trace_translation
from practicum.kernels.label_smoothing import OffTargetSmoothing, least, smoothed_cross_entropy
from practicum.lab.kept import keep_array, kept_array
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import COLOURS, bars, blank, curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.transformer import annotated
from practicum.nn.seen import Scope
from practicum.nn.stack import Block, Stack
from practicum.nn.state import visible
from practicum.objectives.translation import Translation
from practicum.objectives.unmasked import Unmasked
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit
from practicum.training.noam import noam, noam_rate
from practicum.training.schedules import Constant


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The system, its task and its budget."""

    task: Copying = Copying()
    model: EncoderDecoder = annotated(
        width=128, depth=2, hidden=512, source_vocab=11, target_vocab=11, context=64
    )
    learn: Budget = replace(
        noam(width=128, warmup=300, steps=800, batch=30, factor=0.5), evaluate_every=100
    )
    tests: int = 1000  # fresh sequences
    device: str = "cpu"


def with_norms_after(model: EncoderDecoder) -> EncoderDecoder:
    """LayerNorm(x + sublayer(x)), and no norm after a stack (Vaswani et al. 2017, §3.1)."""

    def after(stack: Stack) -> Stack:
        assert isinstance(stack.block, Block), "the article repeats one block"
        return replace(stack, block=replace(stack.block, norms="after"), final_norm=False)

    return replace(model, encoder=after(model.encoder), decoder=after(model.decoder))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What differs from the system as described."""

    model: Callable[[EncoderDecoder], EncoderDecoder] = lambda model: model
    learn: Callable[[Budget], Budget] = lambda budget: budget
    masked: bool = True


ARMS = {
    "described": Arm(),
    "no_positions": Arm(model=lambda model: replace(model, positions=None)),  # a control
    "no_mask": Arm(masked=False),  # a control: the decoder reads what it is to say
    "constant_rate": Arm(learn=lambda budget: replace(budget, schedule=Constant(), warmup=0.0)),
    "norms_after": Arm(model=with_norms_after),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """Learn to copy; then the loss with every right symbol shown, and what greedy decoding says."""
    chosen = ARMS[arm]
    description = chosen.model(setup.model)
    model = build(description, seed=seed, device=setup.device)
    plain = Translation(begin=BEGIN, end=END)
    objective = plain if chosen.masked else Unmasked(objective=plain)
    tests = fresh(setup.task, setup.tests, seed=seed)
    trained = fit(
        model,
        Drawn(setup.task, setup.learn.batch, seed=seed),
        objective,
        chosen.learn(setup.learn),
        seed=seed,
        watch=Watch(
            name=f"{arm}, seed {seed}", evaluate=held_out_loss(objective, tests, batch=250)
        ),
    )
    keep_maps(model, tests[0])
    assert trained.held_out is not None, "the loss is evaluated after the last update"
    return {
        "exact": exact_match(model, tests, begin=BEGIN, end=END, device=setup.device),
        "loss": trained.held_out,  # nats a symbol, as the arm was trained
        "parameters": parameters_of(description),
    }


def keep_maps(model: EncoderDecoderModel, pair: TokenPair) -> None:
    """Keep what every head of the last decoder block looks at in the source, for one sequence."""
    device = next(model.parameters()).device
    source = torch.tensor([pair.source], device=device)
    target = torch.tensor([(BEGIN, *pair.target)], device=device)
    kept = trace_translation(model, source, target, Keep(what=("cross_weights",)))
    keep_array("maps", kept.over_layers("cross_weights")[-1, 0].cpu().double().numpy())


def exact_by_arm(rows: Rows) -> Picture:
    """How many fresh sequences are copied whole."""
    return bars(rows, "exact", title="Copying by greedy decoding", y="exact match")


def loss_by_arm(rows: Rows) -> Picture:
    """The loss of fresh sequences while training: it does not say who can copy."""
    return curves(
        rows, "held_out", title="With every right symbol shown", y="nats a symbol", log_y=True
    )


def learning_rates(_: Rows) -> Picture:
    """The rates of three widths and warm-ups over 20,000 updates, as the article draws them."""
    figure, axes = blank("The learning rate", "update", "rate")
    steps = range(1, 20_001, 50)
    for index, (width, warmup) in enumerate([(512, 4000), (512, 8000), (256, 4000)]):
        rates = [noam_rate(step, width=width, warmup=warmup) for step in steps]
        axes.plot(steps, rates, color=COLOURS[index], label=f"width {width}, warm-up {warmup}")
    axes.legend(frameon=False)
    return figure


def smoothing_penalty(_: Rows) -> Picture:
    """What is paid for confidence x/(x + 3) in the right one of five words, one of them padding."""
    figure, axes = blank(
        "Label smoothing of 0.1", "confidence in the right word", "nats above least"
    )
    smoothing = OffTargetSmoothing(share=0.1, pad=0)
    sure = torch.linspace(1, 100, 200, dtype=torch.float64)
    confidence = sure / (sure + 3)
    logits = torch.ones(len(sure), 5, dtype=torch.float64).log()
    logits[:, 2], logits[:, 0] = sure.log(), -torch.inf
    target = torch.tensor([2])
    paid = [float(smoothed_cross_entropy(row[None], target, smoothing)) for row in logits]
    axes.plot(confidence, [nats - least(smoothing, 5) for nats in paid], color=COLOURS[0])
    axes.axvline(0.9, color="0.6", linestyle="--", linewidth=1)
    return figure


def subsequent_mask(_: Rows) -> Picture:
    """Which places a place of the decoder may look at."""
    figure, axes = blank("The subsequent mask", "looked at", "from", inches=(5, 5))
    seen = visible((0,), 20, 20, Scope(), torch.device("cpu"))[0, 0]
    axes.imshow(seen.numpy(), cmap="viridis")
    return figure


def copying_head(rows: Rows) -> Picture:
    """The head of the last block that looks most at the place it copies, for one sequence."""
    maps = kept_array(rows, "described", "maps")
    length = round((len(maps) / HEADS) ** 0.5)
    maps = maps.reshape(HEADS, length, length)
    # place t says the source's place t + 1
    head = max(range(HEADS), key=lambda head: maps[head].diagonal(1).mean())
    title = f"What head {head + 1} of the last block looks at"
    figure, axes = blank(title, "source place", "place of the answer", inches=(5.5, 5))
    figure.colorbar(axes.imshow(maps[head], cmap="viridis", vmin=0, vmax=1))
    return figure


HEADS = 8
CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("constant_rate", "norms_after"),
    presets={
        "smoke": replace(
            CPU,
            model=annotated(
                width=16, depth=1, hidden=16, source_vocab=11, target_vocab=11, context=64
            ),
            learn=replace(CPU.learn, steps=3, evaluate_every=None),
            tests=20,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            model=annotated(depth=2, source_vocab=11, target_vocab=11),
            learn=noam(width=512, warmup=400, steps=2000, batch=80),
            tests=5000,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    claims=(
        Claim(
            "the described system copies 98 % of fresh sequences",
            value=lambda r: r.described.exact,
            at_least=0.98,
            source="A First Example; the threshold is ours",
        ),
        Claim(
            "without positions at most 20 % are copied",
            value=lambda r: r.no_positions.exact,
            at_most=0.2,
            source="Positional Encoding; the threshold is ours",
        ),
        Claim(
            "without the subsequent mask the loss is lower",
            value=lambda r: r.described.loss - r.no_mask.loss,
            above=0,
            source="Attention: masking in the decoder",
        ),
        Claim(
            "without the subsequent mask at most 20 % are copied",
            value=lambda r: r.no_mask.exact,
            at_most=0.2,
            source="Attention: masking in the decoder; the threshold is ours",
        ),
    ),
    plots=(
        exact_by_arm,
        loss_by_arm,
        learning_rates,
        smoothing_penalty,
        subsequent_mask,
        copying_head,
    ),
)
