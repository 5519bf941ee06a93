"""GPT-2: Language models are unsupervised multitask learners (Radford et al. 2019).

A decoder-only Transformer is trained to predict the next token of web text, and nothing else:
p(x) = Π p(sₙ | s₁ … sₙ₋₁)  (§2, eq. 1). Any task is then a prefix whose continuation is the answer.
Claim: since such text contains demonstrations of tasks in passing, task ability appears with no
labelled training, and both it and the held-out likelihood grow steadily with capacity (Fig. 1, §3).

Here the web is small: half real prose, half procedural documents that mention translations,
opposites, sums and the like (`data.mini_web`). A fifth of the (item, template) pairs is held
out. Controls of one size: the same text with the answers shuffled, and with none of them told.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from practicum.data.demonstrations import Answers, Cloze
from practicum.data.documents import Document
from practicum.data.loader import Loader
from practicum.data.mini_web import MiniWeb
from practicum.data.packing import Windows
from practicum.data.shards import encode_documents
from practicum.decoding.language_model import LanguageModel
from practicum.evaluation.bits import bits_per_byte
from practicum.evaluation.choice import Question, accuracy, judge
from practicum.evaluation.contamination import SeenText
from practicum.evaluation.last_word import last_word
from practicum.lab.folder import run_folder
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import against, curves
from practicum.lab.rank import spearman
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.next_token import NextToken
from practicum.tokenizers.bpe_training import train_bpe
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit

SIZES = ("tiny", "small", "medium", "large")
CONTROLS = ("permuted", "deleted")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The system, its text and its budget."""

    web: MiniWeb = MiniWeb(
        real=("kjv", "shakespeare", "docstrings"), half=2_000_000, held_out=90_000
    )
    questions: int = 60  # per task
    vocab: int = 1024
    context: int = 64
    shapes: tuple[tuple[int, int], ...] = ((1, 48), (2, 64), (3, 96), (4, 128))  # (layers, width)
    head_width: int = 16
    learn: Budget = Budget(steps=700, batch=16, rate=6e-3, evaluate_every=70)  # rate at width 64
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Which of the sizes, and what becomes of the demonstrations."""

    size: int
    answers: Answers = "right"


ARMS = {
    "tiny": Arm(size=0),
    "small": Arm(size=1),
    "medium": Arm(size=2),
    "large": Arm(size=3),
    "permuted": Arm(size=2, answers="permuted"),
    "deleted": Arm(size=2, answers="deleted"),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One model trained on one text, and what it can do with no further training."""
    depth, width = setup.shapes[ARMS[arm].size]
    text = setup.web.documents(seed=seed, answers=ARMS[arm].answers)
    unseen = setup.web.unseen(seed=seed)
    # one tokenizer for all arms, trained on the text with right answers
    tokenizer = train_bpe((d.text for d in setup.web.documents(seed=seed)), setup.vocab)
    description = gpt2(
        width=width,
        depth=depth,
        heads=width // setup.head_width,
        vocab=setup.vocab,
        context=setup.context,
        std=width**-0.5,  # as 0.02 is for the paper's widths; far less learns nothing for long
    )
    model = build(description, seed=seed, device=setup.device)
    windows = Windows(encode_documents(text, tokenizer), setup.context)
    evaluate = held_out_loss(
        NextToken(), Windows(encode_documents(unseen, tokenizer), setup.context), batch=32
    )
    fit(
        model,
        Loader(windows, setup.learn.batch, seed=seed),
        NextToken(),
        replace(setup.learn, rate=setup.learn.rate * math.sqrt(64 / width)),
        seed=seed,
        watch=Watch(name=f"{arm}, seed {seed}", evaluate=evaluate, folder=run_folder()),
    )
    lm = LanguageModel(model, tokenizer)
    asked = setup.web.demonstrations.questions(seed=seed, per_task=setup.questions)
    scores = zero_shot(lm, asked)
    return {
        "parameters": parameters_of(description),
        "bpb": bits_per_byte(lm, unseen),
        "accuracy": fmean(scores.values()),
        "last_word": last_word(lm, passages(unseen)).accuracy,
        "guess": fmean(1 / len(cloze.candidates) for cloze in asked),
        **{f"accuracy_{task}": score for task, score in scores.items()},
        **contamination(text, unseen, asked),
    }


def zero_shot(lm: LanguageModel, asked: list[Cloze]) -> dict[str, float]:
    """Accuracy per task on pairs whose template and item were never seen together."""
    tasks: dict[str, list[Question]] = {}
    for cloze in asked:
        question = Question(prefix=cloze.prefix, candidates=cloze.candidates, answer=cloze.answer)
        tasks.setdefault(cloze.task, []).append(question)
    return {task: accuracy(judge(lm, questions)) for task, questions in tasks.items()}


def passages(unseen: list[Document], words: int = 20, most: int = 200) -> list[str]:
    """Stretches of held-out prose whose last word is to be predicted (LAMBADA, §3.3)."""
    every = [word for document in unseen for word in document.text.split()]
    starts = range(0, len(every) - words, words)
    return [" ".join(every[start : start + words]) for start in starts][:most]


def contamination(
    text: list[Document], unseen: list[Document], asked: list[Cloze]
) -> dict[str, float]:
    """Percent of 8-grams that the training text holds (§4), and how many answers it told."""
    seen, everything = SeenText(text), "\n".join(document.text for document in text)
    told = [cloze.prefix + cloze.candidates[cloze.answer] for cloze in asked]
    return {
        "seen_prose": seen.overlap(unseen).percent or 0.0,
        "seen_questions": seen.overlap(told).percent or 0.0,
        "told": float(sum(sentence in everything for sentence in told)),
    }


def smallest_gain(r: Results) -> float:
    """How many bits per byte the next size gains, where it gains least."""
    return min(r[a].bpb - r[b].bpb for a, b in pairwise(SIZES))


def ability_follows_size(r: Results) -> float:
    """Rank correlation of zero-shot accuracy with log parameters."""
    return spearman(
        [math.log(r[size].parameters) for size in SIZES], [r[size].accuracy for size in SIZES]
    )


def accuracy_by_size(rows: Rows) -> Picture:
    """Each task and their mean over the sizes; the controls' mean as dashed lines."""
    tasks = [name for name in rows.runs[0].numbers if name.startswith("accuracy")]
    return against(
        rows,
        tasks,
        "parameters",
        title="Zero-shot accuracy on pairs never seen together",
        x_label="parameters",
        y_label="accuracy",
        controls=CONTROLS,
        log_x=True,
    )


def likelihood_by_size(rows: Rows) -> Picture:
    """Held-out bits per byte of real prose over the sizes."""
    return against(
        rows,
        "bpb",
        "parameters",
        title="Held-out likelihood of real prose",
        x_label="parameters",
        y_label="bits per byte",
        controls=CONTROLS,
        log_x=True,
    )


def learning(rows: Rows) -> Picture:
    """Training loss and held-out loss of prose: all sizes still improve (§3, Fig. 4)."""
    return curves(rows, ("loss", "held_out"), title="Learning", y="nats per token")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU,
            web=MiniWeb(real=("topics",), half=60_000, held_out=6_000),
            questions=4,
            vocab=400,
            context=64,
            shapes=((1, 16), (1, 32), (2, 32), (2, 48)),
            learn=Budget(steps=12, batch=4, rate=3e-3, evaluate_every=6),
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            web=MiniWeb(
                real=("kjv", "shakespeare", "web", "docstrings", "topics", "python"),
                half=24_000_000,
                held_out=600_000,
            ),
            vocab=8192,
            context=512,
            shapes=((4, 128), (6, 256), (8, 384), (12, 512)),
            head_width=64,
            device="cuda",
            learn=Budget(
                steps=4000, batch=64, rate=3e-3, precision="auto", compile=True, evaluate_every=200
            ),
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    validity=(
        Validity(
            "the medium size answers 60 % of the questions",
            value=lambda r: r.medium.accuracy,
            at_least=0.6,
        ),
        Validity(
            "no held-out pair was told in the training text",
            value=lambda r: max(r[arm].told for arm in SIZES),
            at_most=0,
        ),
    ),
    claims=(
        Claim(
            "held-out bits per byte fall with every size",
            value=smallest_gain,
            above=0,
            source="Fig. 4",
        ),
        Claim(
            "zero-shot accuracy follows the number of parameters",
            value=ability_follows_size,
            at_least=0.8,
            source="Fig. 1",
        ),
        Claim(
            "the largest size answers 10 points more than the smallest",
            value=lambda r: r.large.accuracy - r.tiny.accuracy,
            at_least=0.1,
            source="Fig. 1",
        ),
        Claim(
            "the ability is learnt from the demonstrations: shuffled answers cost 30 points",
            value=lambda r: r.medium.accuracy - r.permuted.accuracy,
            at_least=0.3,
            source="§2",
        ),
        Claim(
            "without right demonstrations there is only guessing, within 10 points",
            value=lambda r: max(
                abs(r[control].accuracy - r[control].guess) for control in CONTROLS
            ),
            at_most=0.1,
            source="§2",
        ),
    ),
    plots=(accuracy_by_size, likelihood_by_size, learning),
)
