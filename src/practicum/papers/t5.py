"""T5: Exploring the limits of transfer learning with a unified text-to-text Transformer
(Raffel et al. 2019, arXiv:1910.10683).

Every task is a text in and a text out, learned by one encoder-decoder with one loss, after it has
learned to fill in what was cut out of plain text (§2.1, §3.1.4, Fig. 2):
loss = −Σ log p(yᵢ | y₁ … yᵢ₋₁, x),   x = "Thank you <X> me to",   y = "<X> for inviting <Y>"
Claim: pre-training by span corruption gives large gains over training from scratch (Table 1), and
they come from the structure of the text. Which of the objectives is best (Tables 3 to 7) does not
show at this scale: one other is reported.

The plain text is two English bibles, without the chapters that the three tasks are made of: from
which part of the bible a verse is, the verse in modern English, and four words that are missing in
it. All three are learned at once from so many labelled verses. The control reads the same text with
the tokens shuffled inside each stretch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from practicum.data.documents import Corpus
from practicum.data.excerpts import up_to
from practicum.data.loader import Loader
from practicum.data.mixing import Equal, Mixed
from practicum.data.parallel import SentencePair, TokenPair
from practicum.data.shards import encode_documents
from practicum.data.verse_tasks import TASKS, Task, VerseTasks
from practicum.decoding.translate import said, translate
from practicum.evaluation.restored_words import restored_words
from practicum.evaluation.translation import score_translations
from practicum.lab.folder import run_folder
from practicum.lab.paper import Claim, Paper, Picture, Results
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.t5 import t5
from practicum.objectives.span_corruption import Sentinels, SpanCorruption
from practicum.objectives.text_to_text import PrefixLM, TextToText, shuffled
from practicum.objectives.translation import Translation
from practicum.seeding import derive, stream
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.training.averaging import average_checkpoints
from practicum.training.budget import Budget
from practicum.training.checkpoint import best_checkpoint
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import Adafactor
from practicum.training.schedules import Linear

SENTINELS = 24  # enough for stretches of 256 tokens; the first has the last id, as in T5
SPECIALS = ("</s>", "<pad>", *(f"<extra_id_{n}>" for n in reversed(range(SENTINELS))))
ADAFACTOR = Adafactor(scaled=True)  # as the paper's, with a rate that suits the width


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The system, its plain text, its tasks and its budgets."""

    size: int = 2_500_000  # bytes of plain text
    vocab: int = 1024
    segment: int = 64  # tokens of plain text in an example
    tasks: VerseTasks = VerseTasks()
    labelled: int = 600  # verses to learn each task from
    measured: int = 200  # others to measure losses on, and as many again for scores
    width: int = 64
    depth: int = 1  # on either side
    heads: int = 4
    hidden: int = 256
    dropout: float = 0.0
    learn: Budget = Budget(
        steps=1000, batch=16, rate=6e-2, schedule=Linear(), optimiser=ADAFACTOR, clip=None
    )
    tune: Budget = Budget(
        steps=600,
        batch=16,
        rate=3e-2,
        schedule=Linear(),
        optimiser=ADAFACTOR,
        clip=None,
        evaluate_every=50,
    )
    scratch_rate: float = 7e-2  # the better one for weights that were not pre-trained
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is learned before the tasks, and for how long they are."""

    before: Literal["spans", "prefix"] | None
    shuffled: bool = False  # the tokens of every stretch of plain text
    share: float = 1.0  # of the steps of pre-training
    longer: int = 1  # times the steps of fine-tuning


ARMS = {
    "span corruption": Arm(before="spans"),
    "no pre-training": Arm(before=None),  # the control
    "shuffled text": Arm(before="spans", shuffled=True),  # the control
    "prefix LM": Arm(before="prefix", share=0.5),
    "no pre-training, 3x steps": Arm(before=None, longer=3),
}
Stretch = Int64[np.ndarray, " t"]


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """Pre-train as the arm says, learn the three tasks from labelled verses, measure on others."""
    chosen = ARMS[arm]
    tokenizer, stretches = plain_text(setup, seed)
    judge = Translation(begin=tokenizer.special("<pad>"), end=tokenizer.special("</s>"))
    model = build(description(setup), seed=seed, device=setup.device)
    if chosen.before is not None:
        if chosen.shuffled:
            draws = stream(seed, "shuffled")
            stretches = [shuffled(ids, draws) for ids in stretches]
        spans = SpanCorruption(sentinels=Sentinels(first=setup.vocab - 1, count=SENTINELS))
        rule = spans if chosen.before == "spans" else PrefixLM()
        source = Loader(stretches, setup.learn.batch, seed=seed)
        watch = Watch(name=f"pre-training, {arm}, seed {seed}")
        objective = TextToText(rule=rule, translation=judge)
        learn = replace(setup.learn, steps=max(1, round(chosen.share * setup.learn.steps)))
        fit(model, source, objective, learn, seed=seed, watch=watch)
    sizes = (setup.labelled, setup.measured, setup.measured)
    labelled, unseen, asked = setup.tasks.draw(sizes, seed=seed)
    budget = replace(setup.tune, steps=chosen.longer * setup.tune.steps)
    if chosen.before is None:
        budget = replace(budget, rate=setup.scratch_rate)
    sets = [encoded(labelled[task], tokenizer) for task in TASKS]
    validation: dict[Task, list[TokenPair]] = {
        task: encoded(unseen[task], tokenizer) for task in TASKS
    }
    losses = tuned(model, sets, validation, judge, budget, seed=seed)
    scores = {task: score(model, task, asked[task], tokenizer, judge) for task in TASKS}
    return {**losses, **scores, "mean": fmean(scores.values())}


def tuned(
    model: EncoderDecoderModel,
    sets: Sequence[Sequence[TokenPair]],
    validation: dict[Task, list[TokenPair]],
    judge: Translation,
    budget: Budget,
    *,
    seed: int,
) -> dict[str, float]:
    """Learn an equal mixture of the sets, and take the weights of the lowest validation loss.

    Returns each task's, in nats per token.
    """
    losses = {task: held_out_loss(judge, pairs, batch=100) for task, pairs in validation.items()}

    def mean_loss(model: nn.Module) -> float:
        return fmean(loss(model) for loss in losses.values())

    folder = run_folder() / "tuned"
    watch = Watch(name=f"fine-tuning, seed {seed}", evaluate=mean_loss, folder=folder)
    source = Mixed(sets, budget.batch, mixing=Equal(), seed=seed)
    fit(model, source, judge, budget, seed=seed, watch=watch)
    average_checkpoints(model, [best_checkpoint(folder)])  # the "mean" of one
    with torch.no_grad():
        return {f"loss_{task}": loss(model) for task, loss in losses.items()}


def description(setup: Setup) -> EncoderDecoder:
    """The network that all arms begin with."""
    return t5(
        width=setup.width,
        depth=setup.depth,
        heads=setup.heads,
        head_width=setup.width // setup.heads,
        hidden=setup.hidden,
        vocab=setup.vocab,
        dropout=setup.dropout,
    )


def plain_text(setup: Setup, seed: int) -> tuple[BPE, list[Stretch]]:
    """Stretches of documents that no task is made of, and the tokenizer trained on them."""
    documents = tuple(setup.tasks.plain())
    whole = Corpus(name="plain", licence="", source="", documents=documents).divided()
    order = sorted(whole.documents, key=lambda piece: derive(seed, "order", piece.id))
    pieces = list(up_to(setup.size, order))
    tokenizer = train_bpe((piece.text for piece in pieces), setup.vocab, specials=SPECIALS)
    shards, length = encode_documents(pieces, tokenizer), setup.segment
    starts = range(0, len(shards) - length + 1, length)
    return tokenizer, [shards.read(start, start + length) for start in starts]


def encoded(pairs: Sequence[SentencePair], tokenizer: BPE) -> list[TokenPair]:
    """In ids, the sources closed by the end token as those of plain text are."""
    end = tokenizer.special("</s>")
    return [
        TokenPair((*tokenizer.encode(source), end), tuple(tokenizer.encode(target)))
        for source, target in pairs
    ]


def score(
    model: EncoderDecoderModel,
    task: Task,
    pairs: Sequence[SentencePair],
    tokenizer: BPE,
    judge: Translation,
) -> float:
    """Greedy answers, 0 to 100: accuracy, chrF, or the share of missing words that are back."""
    sources = [source for source, _ in encoded(pairs, tokenizer)]
    device = next(model.parameters()).device
    found = translate(
        model, sources, begin=judge.begin, end=judge.end, batch=150, extra=12, device=device
    )
    answers = [tokenizer.decode(said(best)) for best, *_ in found]
    right = [pair.target for pair in pairs]
    match task:
        case "book":
            return 100 * fmean(answer == word for answer, word in zip(answers, right, strict=True))
        case "modern":
            return score_translations(answers, right).chrf
        case "fix":
            return 100 * restored_words(answers, right)


def gain(r: Results, arm: str = "span corruption") -> float:
    """Points of the mean score that this arm has more than no pre-training."""
    return r[arm].mean - r["no pre-training"].mean


def loss_gain(r: Results, task: Task) -> float:
    """Nats per token that pre-training saves on labelled verses that were not learned from."""
    name = f"loss_{task}"
    return r["no pre-training"][name] - r["span corruption"][name]


def scores_by_arm(rows: Rows) -> Picture:
    """Accuracy, chrF and missing words that are back, each 0 to 100 (cf. Table 1)."""
    return bars(rows, ("mean", *TASKS), title="Scores after fine-tuning", y="0 to 100")


def learning(rows: Rows) -> Picture:
    """Mean validation loss of the three tasks while they are learned."""
    return curves(rows, "held_out", title="Fine-tuning", y="nats per token")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("prefix LM", "no pre-training, 3x steps"),
    presets={
        "smoke": replace(
            CPU,
            size=40_000,
            vocab=400,
            tasks=VerseTasks(old="topics", new="topics"),
            labelled=12,
            measured=4,
            width=16,
            heads=2,
            hidden=32,
            learn=replace(CPU.learn, steps=3, batch=4),
            tune=replace(CPU.tune, steps=3, batch=4, evaluate_every=3),
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            size=9_000_000,
            vocab=8192,
            segment=256,
            tasks=VerseTasks(longest=400),
            width=512,
            depth=6,
            heads=8,
            hidden=2048,
            dropout=0.1,
            learn=replace(CPU.learn, steps=20_000, batch=128, rate=1e-2, precision="auto"),
            tune=replace(CPU.tune, steps=4000, batch=128, rate=1e-3),
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    claims=(
        Claim(
            "pre-training lowers the validation loss of naming the part of the bible",
            value=lambda r: loss_gain(r, "book"),
            above=0,
            source="Table 1",
        ),
        Claim(
            "and of saying a verse in modern English",
            value=lambda r: loss_gain(r, "modern"),
            above=0,
            source="Table 1",
        ),
        Claim(
            "and of naming the words that a verse misses",
            value=lambda r: loss_gain(r, "fix"),
            above=0,
            source="Table 1",
        ),
        Claim(
            "it raises the mean score of the three tasks by 5 points",
            value=gain,
            at_least=5,
            source="Table 1: GLUE 83.3 and 66.2; the margin is ours",
        ),
        Claim(
            "shuffled text brings at most half of that",
            value=lambda r: gain(r, "shuffled text") / gain(r),
            at_most=0.5,
            source="the control is ours",
        ),
    ),
    plots=(scores_by_arm, learning),
)
