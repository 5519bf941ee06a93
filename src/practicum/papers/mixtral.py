"""Mixtral of experts (Jiang et al. 2024, arXiv:2401.04088).

In the place of a feed-forward stand eight; a router sends each token to two of them (§2.1):
y = Σᵢ softmax(Top2(x W_r))ᵢ · SwiGLUᵢ(x),  e Σᵢ fᵢ Pᵢ = the price of uneven choice, 2 where even
A token passes 13 billion of 47 billion parameters, and pays for those alone.
Claim: at equal parameters per token and equal tokens the sparse model is the better one (Table 2);
routers choose alike for neighbours, in deeper layers more often (Table 5); and only the chosen
experts are computed.

Four domains in equal shares: the King James Bible, its Japanese translation, Python source, and
sums with a table of facts. The dense arm has a feed-forward as wide as two experts. Controls:
experts by a fixed draw for each word of the vocabulary, and no price of uneven choice. A last arm
measures the dispatch itself: against all experts reading everything, and spread over two processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from practicum import events
from practicum.data.documents import Document
from practicum.data.excerpts import excerpt, up_to
from practicum.data.fact_sentences import FactSentences
from practicum.data.mixing import Equal, Mixed
from practicum.data.packing import Windows
from practicum.data.shards import encode_documents
from practicum.evaluation.expert_dispatch import dispatch_cost
from practicum.interpret.expert_use import chance_first
from practicum.interpret.routing_audit import audit
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import bars, blank, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.counts import active_parameters, idle_parameters, training_flops_per_token
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt2 import initial
from practicum.models.families.mixtral import mixtral
from practicum.nn.experts import Experts
from practicum.nn.mlp import MLP
from practicum.objectives.expert_balance import ExpertBalance
from practicum.objectives.next_token import NextToken
from practicum.objectives.objective import Objective
from practicum.objectives.token_routing import TokenRouting
from practicum.tokenizers.bpe_training import train_bpe
from practicum.training.budget import Budget
from practicum.training.expert_parallel_check import Trial, gaps
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit

DOMAINS = ("english", "japanese", "python", "facts")
REAL = DOMAINS[:3]  # texts that somebody wrote


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The networks, what they read, and how long."""

    width: int = 96
    depth: int = 2
    heads: int = 4
    kv_heads: int = 2
    experts: Experts = Experts(count=8, top=2, hidden=192)
    corpora: tuple[str, ...] = ("kjv", "kougo", "python")  # for `REAL`
    facts: FactSentences = FactSentences(people=2000)  # three of each
    text: int = 400_000  # bytes of each domain, none of which is read twice
    held_out: int = 10_000  # bytes of each, of other documents
    vocab: int = 1024
    context: int = 128
    # the better of 4e-3 and 8e-3 on another seed, with experts and without
    learn: Budget = Budget(steps=600, batch=8, rate=8e-3)
    looks: int = 4  # how often the held-out loss is taken, the last time at the end
    dispatched: int = 4096  # tokens of the comparison of dispatches
    rounds: int = 7
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Learns:
    """A network that learns; `share` of the steps, if it is shown for its loads alone."""

    sparse: bool = True
    balanced: bool = True
    hashed: bool = False
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Dispatches:
    """One layer, whose work is done in several ways."""


ARMS = {
    "experts": Learns(),
    "dense": Learns(sparse=False),
    "not balanced": Learns(balanced=False, share=0.5),
    "hashed": Learns(hashed=True),
    "dispatch": Dispatches(),
}
LEARNING = ("experts", "dense", "not balanced", "hashed")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """What a network learned and how it routes, or what a dispatch costs."""
    chosen = ARMS[arm]
    return learning(setup, arm, seed) if isinstance(chosen, Learns) else dispatching(setup, seed)


def learning(setup: Setup, name: str, seed: int) -> dict[str, float]:
    """Held-out loss in every domain and, where a router chose, what it chose."""
    arm = ARMS[name]
    assert isinstance(arm, Learns), "the other kind of arm does not learn"
    seen, unseen = read(setup, seed)
    description = described(setup, sparse=arm.sparse)
    scored, learned = objectives(setup, arm, seed)
    between = max(1, round(setup.learn.steps * arm.share / setup.looks))
    steps = between * setup.looks
    budget = replace(setup.learn, steps=steps, evaluate_every=between)
    cost = training_flops_per_token(description, setup.context) * budget.batch * setup.context
    measures = {domain: held_out_loss(scored, unseen[domain], batch=16) for domain in DOMAINS}
    losses: list[dict[str, float]] = []

    def evaluate(model: nn.Module) -> float:
        losses.append({domain: measures[domain](model) for domain in DOMAINS})
        spent, mean = len(losses) * between * cost, fmean(losses[-1].values())
        events.emit(events.Metric(name="by_flops", value=mean, step=round(spent / 1e6)))
        return mean

    model = build(description, seed=seed, device=setup.device)
    source = Mixed([seen[d] for d in DOMAINS], budget.batch, mixing=Equal(), seed=seed)
    fit(model, source, learned, budget, seed=seed, watch=Watch(name=name, evaluate=evaluate))
    numbers = {
        "loss": fmean(losses[-1].values()),
        **{f"loss_{domain}": value for domain, value in losses[-1].items()},
        "active": active_parameters(description),
        "idle": idle_parameters(description),
        "training_flops": steps * cost,
        "epochs": max(source.epochs),
    }
    return numbers | (routing(setup, model, unseen) if arm.sparse and not arm.hashed else {})


def dispatching(setup: Setup, seed: int) -> dict[str, float]:
    """One layer's experts reading their tokens alone, and spread over two processes."""
    experts, width = setup.experts, setup.width
    cost = dispatch_cost(
        experts, width=width, tokens=setup.dispatched, rounds=setup.rounds, seed=seed
    )
    apart = gaps(Trial(experts=experts, width=width, tokens=setup.dispatched // 8, seed=seed))
    return {
        "sparse_milliseconds": 1e3 * cost.sparse,
        "dense_milliseconds": 1e3 * cost.dense,
        "time": cost.sparse / cost.dense,
        "outputs": cost.outputs,
        "gradients": cost.gradients,
        "apart_outputs": apart.outputs,
        "apart_gradients": apart.gradients,
        "apart_load": apart.load,
    }


@lru_cache(maxsize=1)  # the arms of a seed read the same
def read(setup: Setup, seed: int) -> tuple[dict[str, Windows], dict[str, Windows]]:
    """What is learned from and what is measured on, by domain, in one tokenizer of them all."""
    sides: list[dict[str, list[Document]]] = []
    for size, other in ((setup.text, False), (setup.held_out, True)):
        texts = {
            domain: list(excerpt((name,), size, seed=seed, held_out=other))
            for domain, name in zip(REAL, setup.corpora, strict=True)
        }
        told = setup.facts.documents(seed=seed, held_out=other)
        sides.append({**texts, "facts": list(up_to(size, told))})
    tokenizer = train_bpe((d.text for docs in sides[0].values() for d in docs), setup.vocab)
    seen, unseen = (
        {d: Windows(encode_documents(docs, tokenizer), setup.context) for d, docs in side.items()}
        for side in sides
    )
    return seen, unseen


def described(setup: Setup, *, sparse: bool) -> Decoder:
    """Mixtral, or the same with feed-forwards that cost a token as much.

    Weights start as GPT-2's, at 1/√width, for 0.02 is for the papers' widths. So choices are clear
    from the start: nearly even scores would flip with the first steps of the optimiser.
    """
    built = mixtral(
        width=setup.width,
        depth=setup.depth,
        heads=setup.heads,
        kv_heads=setup.kv_heads,
        hidden=setup.experts.hidden,
        experts=setup.experts.count,
        top=setup.experts.top,
        vocab=setup.vocab,
        context=setup.context,
    )
    if not sparse:
        (block,) = built.stack.pattern
        wide = MLP(hidden=setup.experts.top * setup.experts.hidden, activation="silu", gated=True)
        built = replace(built, stack=replace(built.stack, block=replace(block, ffn=wide)))
    return replace(built, initial=initial(setup.depth, setup.width**-0.5))


def objectives(setup: Setup, arm: Learns, seed: int) -> tuple[Objective[Any], Objective[Any]]:
    """What the arm is measured by and what it learns by."""
    if arm.hashed:
        drawn = TokenRouting(objective=NextToken(), vocab=setup.vocab, seed=seed)
        return drawn, drawn
    balanced = ExpertBalance(objective=NextToken())
    return NextToken(), balanced if arm.sparse and arm.balanced else NextToken()


def routing(setup: Setup, model: DecoderModel, unseen: Mapping[str, Windows]) -> dict[str, float]:
    """Loads, repetition and shares of the experts on the held-out texts; repetition on real ones.

    The number of a layer stands behind a name, counted from the bottom.
    """
    layers = audit(model, {domain: ids(unseen[domain]).to(setup.device) for domain in DOMAINS})
    numbers: dict[str, float] = {"chance": chance_first(setup.experts.count)}
    for place, layer in enumerate(layers):
        real = [layer.by_source[domain] for domain in REAL]
        numbers |= {
            f"skew_{place}": layer.overall.skew,
            f"repeated_{place}": fmean(use.repeated_first for use in real),
            f"independent_{place}": fmean(use.expected_repetition for use in real),
            f"source_bits_{place}": layer.source_bits,
            f"token_bits_{place}": layer.token_bits,
        }
        for domain, use in layer.by_source.items():
            shares = enumerate(use.either.tolist())
            numbers |= {f"share_{domain}_{place}.{expert}": share for expert, share in shares}
    last = numbers[f"repeated_{len(layers) - 1}"]
    skew = max(layer.overall.skew for layer in layers)
    return {**numbers, "skew": skew, "repeated": last, "deeper": last - numbers["repeated_0"]}


def ids(windows: Windows) -> Int[Tensor, "b t"]:
    """The inputs of all windows."""
    return torch.stack([torch.from_numpy(window.ids[:-1]) for window in windows])


def loss_by_training(rows: Rows) -> Picture:
    """Held-out loss, the mean over the domains, over the operations of training so far."""
    title = "Equal operations per token, more parameters"
    y = "held-out nats per token"
    return curves(rows, "by_flops", title=title, y=y, x="training MFLOP", log_x=True)


def loss_by_domain(rows: Rows) -> Picture:
    """Held-out loss at the end in every domain."""
    learned = replace(rows, arms=tuple(arm for arm in rows.arms if arm in LEARNING))
    metrics = [f"loss_{domain}" for domain in DOMAINS]
    return bars(learned, metrics, title="Loss by domain", y="held-out nats per token")


def shares_of_experts(rows: Rows) -> Picture:
    """How much of each domain every expert of every layer reads (Fig. 7), at the first seed."""
    numbers = rows.run("experts", rows.seeds[0]).numbers
    first = f"share_{DOMAINS[0]}_"
    columns = [name.removeprefix(first) for name in numbers if name.startswith(first)]
    table = [[numbers[f"share_{d}_{column}"] or 0.0 for column in columns] for d in DOMAINS]
    figure, axes = blank("Share of tokens that chose an expert", "layer.expert", inches=(9, 3))
    shades = axes.imshow(table, cmap="cividis", aspect="auto", vmin=0)
    axes.set_xticks(range(len(columns)), labels=columns, fontsize=7)
    axes.set_yticks(range(len(DOMAINS)), labels=list(DOMAINS))
    figure.colorbar(shades)
    return figure


def repetition(rows: Rows) -> Picture:
    """How often neighbours share their first choice (Table 5), and how often by chance."""
    chosen = replace(rows, arms=("experts", "not balanced"))
    kinds = ("repeated_", "independent_")
    metrics = [name for name in rows.runs[0].numbers if name.startswith(kinds)]
    figure = bars(chosen, metrics, title="Neighbours with one first choice", y="share of tokens")
    chance = fmean(rows.values("experts", "chance"))
    figure.axes[0].axhline(chance, color="black", linestyle="--", linewidth=1)
    return figure


def unlike(r: Results) -> float:
    """How far a token's parameters differ between the two kinds of network, as a part."""
    return abs(r.experts.active / r.dense.active - 1)


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("hashed",),
    presets={
        "smoke": replace(
            CPU,
            width=16,
            experts=Experts(count=4, top=2, hidden=8),
            corpora=("topics", "topics", "topics"),
            facts=FactSentences(people=20),
            text=8_000,
            held_out=2_000,
            vocab=300,
            context=32,
            learn=Budget(steps=4, batch=4, rate=4e-3),
            looks=2,
            dispatched=64,
            rounds=1,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            width=512,
            depth=12,
            heads=8,
            kv_heads=4,
            experts=Experts(count=8, top=2, hidden=1024),
            text=4_000_000,
            held_out=200_000,
            vocab=8192,
            context=512,
            learn=Budget(steps=15_000, batch=64, rate=1e-3, precision="auto"),
            looks=20,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 3},
    validity=(
        Validity(
            "a token passes as many parameters with experts as without, within 1 %",
            value=unlike,
            at_most=0.01,
        ),
    ),
    claims=(
        Claim(
            "with experts the loss is lower by 0.02 nats, the mean over the domains",
            value=lambda r: r.dense.loss - r.experts.loss,
            at_least=0.02,
            source="Table 2: 13B active against 70B; the margin is ours. A pilot had 0.01 nats in "
            "favour of dense: these tokens are few for as many experts; `gpu` reads 800 times them",
        ),
        Claim(
            "in no layer an expert reads more than 1.6 times the mean",
            value=lambda r: r.experts.skew,
            at_most=1.6,
            source="§5 finds no expert of a topic; the margin is ours",
        ),
        Claim(
            "without a price of uneven choice one reads more than that (control)",
            value=lambda r: r["not balanced"].skew - r.experts.skew,
            above=0,
            source="Fedus et al. 2021, §2.2",
        ),
        Claim(
            "in the last layer neighbours share their first choice 3 points above chance",
            value=lambda r: r.experts.repeated - r.experts.chance,
            at_least=0.03,
            source="Table 5: 19.7 to 26.3 % in the last layer, 12.5 % by chance",
        ),
        Claim(
            "more often than in the first layer",
            value=lambda r: r.experts.deeper,
            above=0,
            source="Table 5: 13.6 to 14.9 % in the first",
        ),
        Claim(
            "dispatch takes half the time of all experts reading everything, or less",
            value=lambda r: r.dispatch.time,
            at_most=0.5,
            source="§2.1: two of eight are computed; the margin is ours",
        ),
        Claim(
            "and gives the same outputs, to 1e-5",
            value=lambda r: r.dispatch.outputs,
            at_most=1e-5,
            source="§2.1; the tolerance is ours",
        ),
        Claim(
            "spread over two processes, outputs and (relative) gradients are those of one, to 1e-5",
            value=lambda r: max(r.dispatch.apart_outputs, r.dispatch.apart_gradients),
            at_most=1e-5,
            source="§2.1: expert parallelism; the tolerance is ours",
        ),
    ),
    plots=(loss_by_training, loss_by_domain, shares_of_experts, repetition),
)
