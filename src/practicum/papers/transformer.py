"""Attention is all you need: the Transformer (Vaswani et al. 2017, arXiv:1706.03762).

Sequences are read and written by attention and position-wise layers alone, with no recurrence:
Attention(Q, K, V) = softmax(QKᵀ/√d) V  (eq. 1), in several heads of smaller width side by side.
Claim: what order there is comes from added positions, learned or sinusoidal alike (Table 3 E);
several heads look at several places where one head averages (§3.2.2, Table 3 A); and nothing waits
for the place before it, where recurrence takes a step a place (Table 1).

Table 2's BLEU takes millions of pairs and days; here it is the statements of §3 and §4 that are
tried. Positions: a procedural language of 60 words whose translation needs order, read in batches
of similar length (§5.1) and translated by the mean of the last five checkpoints (§6.1). Heads: one
layer that has to name eight neighbours of every place. Costs: the Transformer beside RNNsearch with
as many parameters, in the graph that a batch leaves behind.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from practicum import events
from practicum.data.drawn import Drawn, fresh
from practicum.data.gather import Gather
from practicum.data.length_buckets import BucketLoader, Buckets
from practicum.data.toy_translation import BEGIN, END, ToyTranslation
from practicum.decoding.exact_match import exact_match
from practicum.interpret.offsets import favourites, offset_shares
from practicum.interpret.trace import Keep, trace
from practicum.lab.folder import run_folder
from practicum.lab.kept import keep_array, kept_array
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import COLOURS, against, blank, curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.families.transformer import Positions, reader, transformer
from practicum.models.recurrent import Recurrent
from practicum.models.row_costs import row_cost, seconds_per_update
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.objectives.neighbours import Neighbours
from practicum.objectives.translation import Translation
from practicum.seeding import stream
from practicum.training.averaging import average_checkpoints
from practicum.training.budget import Budget
from practicum.training.checkpoint import recent_checkpoints
from practicum.training.loop import Watch, fit
from practicum.training.noam import ADAM
from practicum.training.schedules import Cosine, InverseSqrt


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Three small experiments, each with its system and its budget."""

    width: int = 64
    depth: int = 2  # of the translators, on either side; the layer that gathers is one
    dropout: float = 0.0
    language: ToyTranslation = ToyTranslation(words=60, shortest=3, longest=12)
    pairs: int = 40_000
    translate: Budget = Budget(
        steps=1500,
        batch=64,
        rate=2e-3,
        schedule=InverseSqrt(),
        warmup=0.1,
        optimiser=ADAM,
        save_every=50,
    )
    averaged: int = 5  # the latest checkpoints, whose mean translates (§6.1)
    measured: int = 600  # held-out pairs, and rows to gather from
    points: int = 6  # on the curve of exact match
    task: Gather = Gather()
    gather: Budget = Budget(
        steps=800, batch=64, rate=1.5e-2, schedule=Cosine(floor=0.05), warmup=0.1, optimiser=ADAM
    )
    lengths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    timed: int = 256  # the longest rows that are also computed, and not only counted
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Learn the procedural language with these positions."""

    positions: Positions


@dataclass(frozen=True, kw_only=True)
class Read:
    """Name the neighbours with one layer of so many heads."""

    heads: int


@dataclass(frozen=True, kw_only=True)
class Count:
    """What longer rows cost, with or without recurrence."""

    recurrent: bool


ARMS: dict[str, Translate | Read | Count] = {
    "sinusoidal": Translate(positions=SinusoidalPositions()),
    "learned": Translate(positions=LearnedPositions()),
    "none": Translate(positions=None),  # the control: a bag of words
    "1 head": Read(heads=1),  # the control
    "2 heads": Read(heads=2),
    "4 heads": Read(heads=4),
    "8 heads": Read(heads=8),
    "attention": Count(recurrent=False),
    "recurrence": Count(recurrent=True),  # the control
}
HEADS = ("1 head", "2 heads", "4 heads", "8 heads")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """The experiment that the arm belongs to."""
    match ARMS[arm]:
        case Translate(positions=positions):
            return translated(setup, positions, seed)
        case Read(heads=heads):
            return gathered(setup, heads, seed)
        case Count(recurrent=recurrent):
            return counted(setup, recurrent, seed)


def translated(setup: Setup, positions: Positions, seed: int) -> dict[str, float]:
    """Exact match of greedy answers on sentences that were never trained on (R1)."""
    language = setup.language
    description = replace(translator(setup), positions=positions)
    model = build(description, seed=seed, device=setup.device)
    pairs = [pair.tokens for pair in language.pairs(setup.pairs, side="train", seed=seed)]
    unseen = language.pairs(setup.measured, side="held_out", seed=seed)
    held_out = [pair.tokens for pair in unseen]

    def match(model: EncoderDecoderModel) -> float:
        return exact_match(model, held_out, begin=BEGIN, end=END, device=setup.device)

    def point(step: int, _: nn.Module) -> None:
        if step % max(1, setup.translate.steps // setup.points) == 0:
            model.eval()
            events.emit(events.Metric(name="exact", value=match(model), step=step))
            model.train()

    objective = Translation(begin=BEGIN, end=END)
    source = BucketLoader(pairs, Buckets(rows=setup.translate.batch), seed=seed)
    folder = run_folder() / "checkpoints"
    name = f"translating, seed {seed}"
    watch = Watch(name=name, after_step=point, folder=folder, keep=setup.averaged)
    fit(model, source, objective, setup.translate, seed=seed, watch=watch)
    average_checkpoints(model, recent_checkpoints(folder))
    return {"exact": match(model), "parameters": parameters_of(description)}


def gathered(setup: Setup, heads: int, seed: int) -> dict[str, float]:
    """How many neighbours one layer of so many heads can name, and where its heads look (R2)."""
    task = setup.task
    objective = Neighbours(offsets=task.offsets, symbols=task.symbols)
    description = reader(
        width=setup.width,
        depth=1,
        heads=heads,
        vocab=task.symbols,
        outputs=objective.outputs,
        context=task.length,
    )
    model = build(description, seed=seed, device=setup.device)
    source = Drawn(task, setup.gather.batch, seed=seed)
    watch = Watch(name=f"gathering with {heads} heads, seed {seed}")
    fit(model, source, objective, setup.gather, seed=seed, watch=watch)
    batch = objective.prepare(fresh(task, setup.measured, seed=seed), stream(seed, "fresh"))
    batch = batch.to(setup.device)
    with torch.inference_mode():
        accuracy = objective.accuracy(model, batch)
    weights = trace(model, batch.symbols, Keep(what=("weights",))).at("weights", 0)
    shares = offset_shares(weights, task.reach)
    keep_array("offsets", shares.cpu().double().numpy())
    return {
        "accuracy": float(accuracy.mean()),
        "worst_accuracy": float(accuracy.min()),
        "heads": heads,
        "positional_heads": favourites(shares).positional(),
        "parameters": parameters_of(description),
    }


def counted(setup: Setup, recurrent: bool, seed: int) -> dict[str, float]:
    """What rows of each length cost: counted for all of them, timed for the shorter ones (R3)."""
    description = recurrence(setup) if recurrent else translator(setup)
    model = build(description, seed=seed, device=setup.device).train()
    costs = [row_cost(description, length) for length in setup.lengths]
    for cost in costs:
        metrics: dict[str, float] = {"chain": cost.chain, "products": 3 * cost.products}
        if cost.length <= setup.timed:
            metrics["seconds"] = seconds_per_update(model, cost.length, rows=8, device=setup.device)
        for name, value in metrics.items():
            events.emit(events.Metric(name=name, value=value, step=cost.length))
    before, last = costs[-2], costs[-1]
    rise = math.log(last.chain / before.chain) / math.log(last.length / before.length)
    return {
        "chain_shortest": costs[0].chain,
        "chain_longest": last.chain,
        "growth": last.chain / costs[0].chain,
        "exponent": rise,
        "parameters": parameters_of(description),
    }


def translator(setup: Setup) -> EncoderDecoder:
    """The Transformer of the first and of the third experiment."""
    return transformer(
        width=setup.width,
        depth=setup.depth,
        heads=4,
        vocab=setup.language.target_vocab,
        source_vocab=setup.language.source_vocab,
        context=max(setup.lengths),
        dropout=setup.dropout,
    )


def recurrence(setup: Setup) -> Recurrent:
    """RNNsearch with about as many parameters as a Transformer of two blocks a side."""
    width = 11 * setup.width // 8
    return rnnsearch(
        source_vocab=setup.language.source_vocab,
        target_vocab=setup.language.target_vocab,
        embedding=setup.width,
        width=width,
        units=width // 2,
    )


def learning(rows: Rows) -> Picture:
    """Exact match on unseen sentences while training, by how positions are told."""
    return curves(rows, "exact", title="Translation of unseen sentences", y="exact match")


def accuracy_by_heads(rows: Rows) -> Picture:
    """How many of its eight neighbours a place can name."""
    title = "One layer that names eight neighbours"
    return against(rows, "accuracy", "heads", title=title, x_label="heads", y_label="accuracy")


def where_heads_look(rows: Rows) -> Picture:
    """The share of every head's attention at each offset, of the first seed's eight heads."""
    shares = kept_array(rows, "8 heads", "offsets")
    shares = shares.reshape(8, -1)
    reach = shares.shape[1] // 2
    figure, axes = blank("Where each of eight heads looks", "offset", "head", inches=(6, 4.5))
    order = np.argsort(shares.argmax(1), kind="stable")
    image = axes.imshow(shares[order], cmap="viridis", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(2 * reach + 1), labels=[f"{o:+d}" for o in range(-reach, reach + 1)])
    axes.set_yticks(range(8), labels=[str(1 + head) for head in order])
    figure.colorbar(image, label="share of the attention")
    return figure


def table_1(rows: Rows) -> Picture:
    """Operations one after another: counted (points), and in proportion to n or to 1 (lines)."""
    figure, axes = blank("What has to wait (Table 1)", "words n", "operations in the longest chain")
    laws = {"attention": lambda n: 1.0, "recurrence": lambda n: n}
    for (arm, law), colour in zip(laws.items(), COLOURS, strict=False):
        curve = rows.curves(arm, "chain")[0]
        places, chain = [n for n, _ in curve], [value for _, value in curve]
        axes.plot(places, chain, "o", color=colour, label=f"{arm}, counted")
        predicted = [chain[-1] * law(n) / law(places[-1]) for n in places]
        axes.plot(places, predicted, "--", color=colour, label=f"{arm}, Table 1")
    axes.set(xscale="log", yscale="log")
    lengths = [int(n) for n, _ in rows.curves("attention", "chain")[0]]
    axes.set_xticks(lengths, labels=[str(n) for n in lengths])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    return figure


def products_by_length(rows: Rows) -> Picture:
    """Floating-point operations of the matrix products of an update, by the words of a row."""
    title = "Products of an update of one pair"
    return curves(rows, "products", title=title, y="operations", x="words", log_x=True, log_y=True)


def seconds_by_length(rows: Rows) -> Picture:
    """Wall time of an update, by the words of a row: this machine's, and no claim."""
    title = "An update of eight pairs"
    return curves(rows, "seconds", title=title, y="seconds", x="words", log_x=True, log_y=True)


def least_gain(r: Results) -> float:
    """What the next number of heads gains, where it gains least."""
    return min(r[more].accuracy - r[fewer].accuracy for fewer, more in pairwise(HEADS))


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU,
            width=16,
            depth=1,
            pairs=60,
            translate=replace(CPU.translate, steps=3, batch=8),
            measured=4,
            points=1,
            gather=replace(CPU.gather, steps=3, batch=4),
            lengths=(8, 16),
            timed=8,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            width=256,
            depth=3,
            language=ToyTranslation(words=400, shortest=3, longest=40),
            pairs=400_000,
            translate=replace(CPU.translate, steps=20_000, rate=7e-4),
            measured=2000,
            gather=replace(CPU.gather, steps=4000, rate=2e-3),
            lengths=(16, 32, 64, 128, 256, 512),
            timed=512,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    validity=(
        Validity(
            "both costs are of as many parameters, within 5 %",
            value=lambda r: abs(r.attention.parameters / r.recurrence.parameters - 1),
            at_most=0.05,
        ),
        Validity(
            "all numbers of heads have the same parameters",
            value=lambda r: max(abs(r[a].parameters - r[HEADS[0]].parameters) for a in HEADS),
            at_most=0,
        ),
    ),
    claims=(
        Claim(
            "with sinusoidal positions 85 % of unseen sentences are translated exactly",
            value=lambda r: r.sinusoidal.exact,
            at_least=0.85,
            source="§3.5; the threshold is ours",
        ),
        Claim(
            "learned positions do as well, within 5 points",
            value=lambda r: abs(r.sinusoidal.exact - r.learned.exact),
            at_most=0.05,
            source="Table 3 E",
        ),
        Claim(
            "without positions at most 0.3 of that is left",
            value=lambda r: r.none.exact / max(r.sinusoidal.exact, 1e-9),
            at_most=0.3,
            source="§3.5; the threshold is ours",
        ),
        Claim(
            "eight heads name 95 % of eight neighbours",
            value=lambda r: r["8 heads"].accuracy,
            at_least=0.95,
            source="§3.2.2; the threshold is ours",
        ),
        Claim(
            "one head of the same parameters names at most 75 %",
            value=lambda r: r["1 head"].accuracy,
            at_most=0.75,
            source="§3.2.2; the threshold is ours",
        ),
        Claim(
            "more heads never name fewer, within 2 points",
            value=least_gain,
            at_least=-0.02,
            source="Table 3 A",
        ),
        Claim(
            "attention waits no longer in a row of 512 than in one of 16",
            value=lambda r: r.attention.growth,
            at_most=1,
            source="Table 1: O(1)",
        ),
        Claim(
            "what recurrence waits for grows in proportion to the row: an exponent of 0.9 or more",
            value=lambda r: r.recurrence.exponent,
            at_least=0.9,
            source="Table 1: O(n)",
        ),
    ),
    plots=(
        learning,
        accuracy_by_heads,
        where_heads_look,
        table_1,
        products_by_length,
        seconds_by_length,
    ),
)
