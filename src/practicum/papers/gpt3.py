"""GPT-3: Language models are few-shot learners (Brown et al. 2020).

A model is shown K solved examples of a task as text, and no weight changes:
ŷ = greedy p(· | x₁ > y₁; … x_K > y_K; x >),   K = 0, 1, 2, 4, 8   (§2, Fig. 2.1).
Claim: accuracy rises from zero to one to few examples, and larger models make more of them
(Fig. 1.2), since documents of the training text repeat sub-tasks (Fig. 1.1).

A document here is a list of pairs `x>y;` of one rule on short strings (`data.rewriting`); a model
learns to predict such text, and nothing else. Control in training: the same pairs dealt anew among
the documents, so that nothing repeats. Control in use: examples of another rule than the
question's. Without examples the rule cannot be known, and one guess in four is right. A model of
real text, SmolLM2 of 135 million parameters, is asked for capitals, plurals and opposites.
"""

from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch

from practicum import events
from practicum.data.drawn import Drawn
from practicum.data.rewriting import Rewriting
from practicum.data.word_tasks import word_tasks
from practicum.decoding.language_model import LanguageModel
from practicum.evaluation.greedy import greedy_says
from practicum.evaluation.shown_pairs import exact_after
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.decoder import DecoderModel
from practicum.models.families.gpt3 import gpt3
from practicum.models.load import load
from practicum.objectives.next_token import NextToken
from practicum.seeding import derive
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The text and the budget; the thresholds were fixed before, difficulty on other seeds."""

    task: Rewriting = Rewriting(length=2, rules=4)
    learn: Budget = Budget(steps=1000, batch=8, rate=4e-3)
    shapes: tuple[tuple[int, int], ...] = ((1, 64), (2, 64), (3, 96))  # (layers, width)
    head_width: int = 16
    context: int = 80
    shots: tuple[int, ...] = (0, 1, 2, 4, 8)
    asked: int = 1500  # documents, each with one question for every number of examples
    real: str | None = "smollm2"  # as `models.load` names it; None: a tiny untrained one
    word_shots: tuple[int, ...] = (0, 1, 4, 8)
    words: int = 14  # asked in each of the tasks
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Learns:
    """Which of the shapes learns, and whether its documents repeat a rule."""

    shape: int
    repeat: bool = True


@dataclass(frozen=True, kw_only=True)
class Knows:
    """A model that has learnt from real text."""


ARMS = {
    "small": Learns(shape=0),
    "medium": Learns(shape=1),
    "large": Learns(shape=2),
    "large, dealt anew": Learns(shape=2, repeat=False),
    "SmolLM2": Knows(),
}
CONTROL, REAL = "large, dealt anew", "SmolLM2"
RIGHT, DEALT = "exact", "exact (control)"  # curves; the control's is dashed


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One model, asked after so many examples."""
    chosen = ARMS[arm]
    if isinstance(chosen, Knows):
        return known(setup, seed)
    task = replace(setup.task, repeat=chosen.repeat)
    return learnt(replace(setup, task=task), chosen.shape, f"{arm}, seed {seed}", seed)


def learnt(setup: Setup, shape: int, name: str, seed: int) -> dict[str, float]:
    """A model that has read documents, and nothing else."""
    depth, width = setup.shapes[shape]
    description = gpt3(
        width=width,
        depth=depth,
        heads=width // setup.head_width,
        vocab=setup.task.vocab,
        context=setup.context,
        band=None,  # no longer than any band
        std=width**-0.5,  # as 0.02 is for the paper's widths
    )
    model = build(description, seed=seed, device=setup.device)
    trained = fit(
        model,
        Drawn(setup.task, setup.learn.batch, seed=seed),
        NextToken(),
        setup.learn,
        seed=seed,
        watch=Watch(name=name),
    )
    return {
        "parameters": parameters_of(description),
        "loss": trained.loss,
        **few_shot(model, setup, seed),
    }


def few_shot(model: DecoderModel, setup: Setup, seed: int) -> dict[str, float]:
    """Exact answers to one question for every number of examples, and for the most of them more.

    They are `misled` by examples of another rule, have `followed` that one, and answer with strings
    that stood in no text to learn from, `unread`.
    """
    task, rng = setup.task, np.random.default_rng(derive(seed, "asked"))
    documents = torch.from_numpy(task.asked(setup.asked, rng))
    right = greedy_says(model, documents, [task.answer(shots) for shots in setup.shots])
    scores: dict[str, float] = {}
    for shots, share in zip(setup.shots, right.float().mean(0).tolist(), strict=True):
        scores[f"exact_{shots}"] = share
        events.emit(events.Metric(name=RIGHT if task.repeat else DEALT, value=share, step=shots))
    most = max(setup.shots)
    misleading, followed = task.misleading(setup.asked, most, rng)
    unread = task.asked(setup.asked, rng, new=True)
    for name, told in (("misled", misleading), ("followed", followed), ("unread", unread)):
        says = greedy_says(model, torch.from_numpy(told), [task.answer(most)])
        scores[name] = float(says.float().mean())
    return scores


def known(setup: Setup, seed: int) -> dict[str, float]:
    """The share of exact answers to each word task, and their mean, by the number of examples."""
    lm = speaker(setup)
    shares = {
        task.name: exact_after(
            lm, task.description, task.pairs, setup.word_shots, asked=setup.words, seed=seed
        )
        for task in word_tasks()
    }
    scores: dict[str, float] = {}
    for shots in setup.word_shots:
        for name, found in shares.items():
            scores[f"{name}_{shots}"] = found[shots]
            events.emit(events.Metric(name=name, value=found[shots], step=shots))
        scores[f"words_{shots}"] = fmean(found[shots] for found in shares.values())
    return scores


def speaker(setup: Setup) -> LanguageModel:
    """The model of real text; without one, a small one that has learnt nothing."""
    if setup.real is None:
        tokenizer = ByteTokenizer()
        small = gpt3(width=8, depth=1, heads=1, vocab=tokenizer.size, context=256, band=None)
        return LanguageModel(build(small), tokenizer)
    loaded = load(setup.real, device=setup.device)
    assert loaded.tokenizer is not None, "the asset has a tokenizer"
    return LanguageModel(loaded.model, loaded.tokenizer)


def gain(r: Results, arm: str) -> float:
    """What eight examples add to none."""
    return r[arm].exact_8 - r[arm].exact_0


def exact_by_examples(rows: Rows) -> Picture:
    """One line for each size, the control dashed (Fig. 1.2)."""
    title = "Exact answers after examples of the rule, no weight changed"
    return curves(rows, (RIGHT, DEALT), title=title, y="exact answers", x="examples")


def words_by_examples(rows: Rows) -> Picture:
    """A model of real text on three tasks."""
    names, title = [task.name for task in word_tasks()], "SmolLM2: exact answers after examples"
    return curves(rows, names, title=title, y="exact answers", x="examples")


def learning(rows: Rows) -> Picture:
    """Training loss: what is random in a string cannot be learnt."""
    return curves(rows, "loss", title="Learning", y="nats per token")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("medium",),
    presets={
        "smoke": replace(
            CPU,
            learn=Budget(steps=4, batch=4, rate=4e-3),
            shapes=((1, 16), (2, 16), (3, 16)),
            asked=20,
            real=None,
            words=2,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            task=Rewriting(length=5, rules=40, pairs=17),
            learn=Budget(steps=9600, batch=512, rate=1e-3, precision="auto", compile=True),
            shapes=((1, 256), (4, 384), (8, 512)),
            head_width=64,
            context=256,
            shots=(0, 1, 2, 4, 8, 16),
            words=40,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 4},
    validity=(
        Validity(
            "the control has learnt the rules, and answers a fifth by guessing which",
            value=lambda r: r[CONTROL].exact_0,
            at_least=0.2,
        ),
    ),
    claims=(
        Claim(
            "the largest size gains 30 points from eight examples",
            value=lambda r: gain(r, "large"),
            at_least=0.3,
            source="Fig. 1.2; the margin is ours",
        ),
        Claim(
            "eight examples are no worse for it than one",
            value=lambda r: r.large.exact_8 - r.large.exact_1,
            at_least=0,
            source="Fig. 1.2",
        ),
        Claim(
            "it gains 10 points more than the smallest, which has one layer",
            value=lambda r: gain(r, "large") - gain(r, "small"),
            at_least=0.1,
            source="Fig. 1.2: larger models make more of their context",
        ),
        Claim(
            "where nothing repeated in training, examples change 5 points at most (control)",
            value=lambda r: abs(gain(r, CONTROL)),
            at_most=0.05,
            source="Fig. 1.1; the margin is ours",
        ),
        Claim(
            "examples of another rule are worth 5 points at most (control)",
            value=lambda r: r.large.misled - r.large.exact_0,
            at_most=0.05,
            source="the margin is ours",
        ),
        Claim(
            "a model of real text answers more of three word tasks after eight examples than none",
            value=lambda r: r[REAL].words_8 - r[REAL].words_0,
            above=0,
            source="§2.4, Fig. 1.3",
        ),
    ),
    plots=(exact_by_examples, words_by_examples, learning),
)
