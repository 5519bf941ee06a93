"""The Illustrated Transformer (Alammar 2018), a post on Vaswani et al. 2017.

Every word becomes a query, a key and a value, and gathers from all words what its query matches:
z = softmax(q Kᵀ / √k) V  for each head by itself; the z of all heads side by side times W_O. A
vector for the place is added to the embedding, and is all that tells the order of the words.

Claim: in "the animal didn't cross the street because it was too tired" self-attention lets the
encoder associate "it" with "animal": a head looks from one to the other.

The post measures nothing, so its sentence is made a task with a known answer (`data.coreference`):
a reader has to name, at the word "it", the noun that is meant, for pairs of nouns it never saw
together. Whether a look is what it is taken for is asked by cutting it. Controls: no look at
another word, no positions, and positions drowned by embeddings that are too large.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from practicum.data.coreference import NOUNS, PRONOUN, WORDS, Coreference, asked, crossings
from practicum.data.drawn import Drawn
from practicum.data.gendered_translation import (
    BEGIN,
    END,
    SOURCE_WORDS,
    TARGET_WORDS,
    GenderedTranslation,
    pair,
    source_text,
)
from practicum.decoding.beam import Beam
from practicum.decoding.exact_match import exact_match
from practicum.decoding.translate import translate
from practicum.decoding.two_steps import OPTIMUM, best_answer
from practicum.interpret.answer_frames import answer_frames, draw_frames
from practicum.interpret.attention_figures import fan_out, position_maps
from practicum.interpret.edited import Edited
from practicum.interpret.edits import PatternEdit, with_pattern
from practicum.interpret.exactness import order_gap, prefix_gap, spill, vector_gap
from practicum.interpret.pronoun import CUTS, looks, named_rightly, pronoun_weights
from practicum.lab.kept import keep_picture
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.encoder import Encoder, EncoderModel
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.transformer import reader, transformer
from practicum.nn.initial import Normal, Rule
from practicum.nn.positions import SinusoidalPositions
from practicum.objectives.at_place import AtPlace, accuracy_there, place_batch
from practicum.objectives.translation import Translation
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import AdamW
from practicum.training.schedules import Constant

ADAM = AdamW(betas=(0.9, 0.98), decay=0.0)
SMALL = Rule(names="*embedding.weight", start=Normal(std=1.0))  # and then times √width: too large


@dataclass(frozen=True, kw_only=True)
class Setup:
    reader: Encoder = reader(
        width=64, depth=2, heads=4, vocab=len(WORDS), outputs=len(NOUNS), context=16
    )
    translator: EncoderDecoder = transformer(
        width=64,
        depth=2,
        heads=4,
        vocab=len(TARGET_WORDS),
        source_vocab=len(SOURCE_WORDS),
        context=32,
        dropout=0.0,
    )
    learn: Budget = Budget(
        steps=1000, batch=64, rate=1e-3, schedule=Constant(), warmup=0.1, optimiser=ADAM, clip=None
    )
    translate: Budget = Budget(
        steps=1200, batch=64, rate=2e-3, warmup=0.1, optimiser=ADAM, clip=None
    )
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is changed of the reader, how it must look, and for how much longer it learns."""

    change: Callable[[Encoder], Encoder] = lambda model: model
    edits: tuple[PatternEdit, ...] = ()
    longer: float = 1.0


ARMS = {
    "whole": Arm(),
    "no_attention": Arm(edits=(with_pattern("identity"),)),  # each word sees itself
    "no_positions": Arm(change=lambda model: replace(model, positions=None)),
    "halves": Arm(
        change=lambda model: replace(model, positions=SinusoidalPositions(layout="halves"))
    ),
    "drowned": Arm(
        change=lambda model: replace(model, initial=(SMALL, *model.initial)), longer=1.5
    ),
    "translator": Arm(),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One reader, or the translator, trained; what it says of pairs of nouns it never saw."""
    if arm == "translator":
        return translated(setup, seed)
    chosen = ARMS[arm]
    model = build(chosen.change(setup.reader), seed=seed, device=setup.device)
    net = Edited(model, lambda _ids: chosen.edits) if chosen.edits else model
    steps = round(setup.learn.steps * chosen.longer)
    learn = replace(setup.learn, steps=steps, warmup=setup.learn.warmup_steps / steps)
    watch = Watch(name=f"{arm}, seed {seed}")
    fit(net, Drawn(Coreference(), learn.batch, seed=seed), AtPlace(), learn, seed=seed, watch=watch)
    model.cpu()
    held_out = crossings("held_out")
    batch = place_batch([asked(one) for one in held_out])
    order = torch.randperm(batch.words.shape[1], generator=stream(seed, "order"))
    numbers = {
        "accuracy": accuracy_there(net, batch),
        "order_gap": order_gap(model, batch.words[:50], order),
    }
    if arm == "whole":
        numbers |= looked_at(model, seed)
    return numbers


def looked_at(model: EncoderModel, seed: int) -> dict[str, float]:
    """What "it" looks at and relies on; the head is chosen on sentences that were learned from."""
    held_out = crossings("held_out")
    head = looks(model, crossings("train")[::4]).finder
    found = looks(model, held_out)
    words = asked(held_out[0]).ids
    x = torch.randn(
        len(words),
        model.description.stack.width,
        generator=stream(seed, "vectors"),
        dtype=torch.float64,
    )
    keep_picture("positions", position_maps())
    keep_picture(
        "fan_out",
        fan_out(
            pronoun_weights(model, held_out[:1])[:, 0],
            held_out[0].words,
            PRONOUN,
            'What each head takes from where for "it"',
        ),
    )
    return {
        "referent": float(found.referent[-1, head]),
        "other": float(found.other[-1, head]),
        "adjective": float(found.adjective[-1].max()),
        **{
            f"without_{name}": named_rightly(model, held_out, cut=cut) for name, cut in CUTS.items()
        },
        "spill": spill(model.stack, x[None].float(), PRONOUN),
        "vector_gap": vector_gap(model.double().stack, x),
    }


def translated(setup: Setup, seed: int) -> dict[str, float]:
    """The whole Transformer on the same sentences in a language with genders."""
    model = build(setup.translator, seed=seed, device=setup.device)
    source = Drawn(GenderedTranslation(), setup.translate.batch, seed=seed)
    watch = Watch(name=f"translator, seed {seed}")
    fit(model, source, Translation(begin=BEGIN, end=END), setup.translate, seed=seed, watch=watch)
    model.cpu()
    pairs = [pair(one) for one in crossings("held_out")]
    frames = answer_frames(model, pairs[0].source, begin=BEGIN, end=END)
    keep_picture(
        "frames",
        draw_frames(frames, source_text(pairs[0].source), TARGET_WORDS, "An answer, step by step"),
    )
    read, written = (torch.tensor([pairs[0][side]]) for side in (0, 1))
    found = best_answer(Beam(width=2, alpha=0.0)).ids == OPTIMUM
    return {
        "exact": exact_match(model, pairs, begin=BEGIN, end=END),
        "beam_exact": exact_match(model, pairs, begin=BEGIN, end=END, beam=TWO),
        "beam_no_worse": no_worse(model, [one.source for one in pairs]),
        "two_steps": float(found and best_answer(Beam(width=1, alpha=0.0)).ids != OPTIMUM),
        "prefix_gap": prefix_gap(model, read, written, 5, TARGET_WORDS.index("WAS")),
    }


TWO = Beam(width=2, alpha=0.0)


def no_worse(model: EncoderDecoderModel, sources: Sequence[Sequence[int]]) -> float:
    """How often the better of two hypotheses is at least as likely as the greedy answer."""
    one, two = (
        translate(model, sources, begin=BEGIN, end=END, beam=beam, batch=250, extra=4)
        for beam in (Beam(width=1, alpha=0.0), TWO)
    )
    return fmean(b[0].logprob >= a[0].logprob - 1e-5 for a, b in zip(one, two, strict=True))


def relied_on(rows: Rows) -> Picture:
    """The accuracy of the reader as it is, and with parts of what "it" sees cut away."""
    metrics = ("accuracy", *(f"without_{name}" for name in CUTS))
    return bars(rows, metrics, title='Naming what "it" is', y="accuracy")


def learning(rows: Rows) -> Picture:
    """Training loss of all arms."""
    return curves(rows, "loss", title="Learning", y="nats per answer")


CPU, POST = Setup(), 'the post, "Self-Attention at a High Level"'
FEW = Budget(steps=2, batch=4, rate=1e-3, warmup=0.5)
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(CPU, learn=FEW, translate=FEW),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            reader=reader(
                width=512, depth=6, heads=8, vocab=len(WORDS), outputs=len(NOUNS), context=16
            ),
            translator=transformer(
                width=512,
                depth=6,
                heads=8,
                vocab=len(TARGET_WORDS),
                source_vocab=len(SOURCE_WORDS),
                context=32,
            ),
            learn=replace(CPU.learn, steps=4000, batch=256, rate=2e-4),
            translate=replace(CPU.translate, steps=4000, batch=256, rate=2e-4),
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    plots=(relied_on, learning),
    claims=(
        Claim(
            'two layers name what "it" is, for pairs of nouns never seen together',
            value=lambda r: r.whole.accuracy,
            at_least=0.95,
            source=POST,
        ),
        Claim(
            'a head of the top layer looks from "it" to the noun that is meant',
            value=lambda r: r.whole.referent,
            at_least=0.7,
            source=POST,
        ),
        Claim(
            "and not to the other noun",
            value=lambda r: r.whole.other,
            at_most=0.1,
            source=POST,
        ),
        Claim(
            'where "it" cannot see the nouns, its meaning is lost',
            value=lambda r: r.whole.without_nouns,
            at_most=0.2,
            source=f"{POST}; the cut is ours",
        ),
        Claim(
            "where it cannot see the filler words, nothing is lost",
            value=lambda r: r.whole.accuracy - r.whole.without_fillers,
            at_most=0.05,
            source="control",
        ),
        Claim(
            "without self-attention there is only guessing",
            value=lambda r: r.no_attention.accuracy,
            at_most=0.2,
            source="control; chance is 1/12",
        ),
        Claim(
            "without positions it cannot be told which noun is which",
            value=lambda r: r.no_positions.accuracy,
            at_most=0.65,
            source='"Representing The Order of The Sequence Using Positional Encoding"',
        ),
        Claim(
            "all sines before all cosines serve as well",
            value=lambda r: r.halves.accuracy,
            at_least=0.95,
            source="the post, note of July 2020",
        ),
        Claim(
            "embeddings that are √d too large drown the positions",
            value=lambda r: r.drowned.accuracy,
            at_most=0.75,
            source="control: N(0, 1) embeddings times √d, half as many steps more",
        ),
        Claim(
            "six steps by vectors, the matrix form and the kernel agree",
            value=lambda r: r.whole.vector_gap,
            at_most=1e-6,
            source='"Matrix Calculation of Self-Attention"',
        ),
        Claim(
            "without positions another order of words gives the same vectors in that order",
            value=lambda r: r.no_positions.order_gap,
            at_most=1e-5,
            source='"Representing The Order of The Sequence Using Positional Encoding"',
        ),
        Claim(
            "with them it does not",
            value=lambda r: r.whole.order_gap,
            at_least=1e-2,
            source="control; the margin is ours",
        ),
        Claim(
            "the feed-forward of one place sees no other",
            value=lambda r: r.whole.spill,
            at_most=0,
            source='"Bringing The Tensors Into The Picture"',
        ),
        Claim(
            "what the decoder writes later changes nothing before",
            value=lambda r: r.translator.prefix_gap,
            at_most=1e-6,
            source='"The Decoder Side"',
        ),
        Claim(
            "the whole Transformer translates word by word, agreement and order included",
            value=lambda r: r.translator.exact,
            at_least=0.95,
            source='"The Decoder Side"',
        ),
        Claim(
            "two hypotheses find an answer at least as likely as one",
            value=lambda r: r.translator.beam_no_worse,
            at_least=0.99,
            source='"The Loss Function": beam search with beam_size 2',
        ),
        Claim(
            "where the likeliest first word misleads, two hypotheses find the likeliest answer",
            value=lambda r: r.translator.two_steps,
            at_least=1,
            source='"The Loss Function": beam search with beam_size 2',
        ),
    ),
)
