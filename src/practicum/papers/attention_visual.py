"""Attention in transformers, visually explained (3Blue1Brown 2024, deep learning chapter 6).

Queries meet keys, and each place gathers values:  ΔE_j = Σ_i softmax_i(K_i·Q_j/√d_k) W_V↑ W_V↓ E_i,
with later words masked out before the softmax. A head's value map has the rank of its key space;
the output matrix is all value-up maps side by side, so what each head adds can be told apart.

Claim: the vector of a word is free of context at the bottom, and attention is what moves context
into it; masking keeps later words from earlier ones; many heads do many kinds of update.

The video's example, adjectives that update their nouns, is imagined, so it is also trained: where
the answer may be read off nouns alone, and where nothing is prescribed. A head need not do what
one tells of it, as the video warns; whether the free model takes the same road is reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor

from practicum.data.adjectives import LENGTH, VOCAB, AdjectivesOfNouns
from practicum.data.drawn import Drawn, fresh
from practicum.data.senses import ambiguous_words
from practicum.interpret.adjective_routes import (
    before_that,
    own_adjective,
    question_to_other_words,
)
from practicum.interpret.attention_figures import head_atlas, pattern_grid
from practicum.interpret.bookkeeping import attention_weights, delta_gap, later_weight, row_gap
from practicum.interpret.edited import Edited, Edits
from practicum.interpret.edits import PatternEdit, blocked, with_pattern
from practicum.interpret.heads import score
from practicum.interpret.induction import read_twice
from practicum.interpret.kept import Keep
from practicum.interpret.masking import reach
from practicum.interpret.senses import (
    by_chance,
    neighbour_scores,
    same_sense,
    spread,
    word_states,
    word_vectors,
)
from practicum.interpret.tally import tally
from practicum.interpret.trace import trace
from practicum.lab.kept import keep_array, keep_picture
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.load import load
from practicum.objectives.at_place import AtPlace, accuracy_there, place_batch
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

LAYERS = slice(10, 21)  # where a sense may be read off: the middle of the model
GPT3 = gpt2(width=12_288, depth=96, heads=96, context=2048)
COUNTS = {1: 57_982_058_496, 96: 603_979_776, 96 * 96: 6_291_456, 96 * 96 * 4: 1_572_864}


def attention_only(depth: int, width: int = 64, heads: int = 4) -> Decoder:
    """A GPT-2 without feed-forwards, for texts of adjectives and nouns."""
    std = width**-0.5
    whole = gpt2(width=width, depth=depth, heads=heads, vocab=VOCAB, context=LENGTH, std=std)
    (block,) = whole.stack.pattern
    return replace(whole, tied=False, stack=replace(whole.stack, block=replace(block, ffn=None)))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The model that is looked into, and the small ones that learn the video's example."""

    model: str | None = "smollm2"  # None: a small one with random weights
    block: int = 50  # random tokens that are read twice
    small: Decoder = attention_only(2)
    learn: Budget = Budget(steps=1000, batch=128, rate=2e-3)
    measured: int = 2000  # texts
    device: str = "cpu"  # of learning; a model is looked into on the processor


@dataclass(frozen=True, kw_only=True)
class Arm:
    """How deep a small model is, and what it may look at."""

    depth: int = 2
    edits: Edits | None = None


def routed(ids: Tensor) -> Sequence[PatternEdit]:
    """In the second block the question sees nouns alone; they must hold adjectives by then."""
    return [blocked(question_to_other_words(ids), layers=[1])]


ARMS = {
    "looked_into": Arm(),  # the model of the setup, which is not trained
    "free": Arm(),
    "one_block": Arm(depth=1),
    "uniform": Arm(edits=lambda _ids: [with_pattern("uniform")]),
    "routed": Arm(edits=routed),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """What is found in the model of the setup, or what a small model learns."""
    if arm == "looked_into":
        model, tokenizer = opened(setup)
        return {
            **bookkeeping(model, tokenizer),
            **masking(model, tokenizer, seed),
            **senses(model, tokenizer, seed),
            **heads(model, setup.block, seed),
        }
    return learned(setup, ARMS[arm], f"{arm}, seed {seed}", seed)


def learned(setup: Setup, arm: Arm, name: str, seed: int) -> dict[str, float]:
    """A small model trained as the arm says, and with the road from noun to adjective cut."""
    stack = replace(setup.small.stack, depth=arm.depth)
    model = build(replace(setup.small, stack=stack), seed=seed, device=setup.device)
    net = Edited(model, arm.edits) if arm.edits else model
    source = Drawn(AdjectivesOfNouns(), setup.learn.batch, seed=seed)
    fit(net, source, AtPlace(), setup.learn, seed=seed, watch=Watch(name=name))
    model.cpu()
    batch = place_batch(fresh(AdjectivesOfNouns(), setup.measured, seed=seed))
    edits = arm.edits(batch.words) if arm.edits else []

    def with_wall(wall: Callable[[Tensor], Tensor]) -> float:
        cut = blocked(wall(batch.words), layers=[0])
        return accuracy_there(Edited(model, lambda _ids: [*edits, cut]), batch)

    seen = trace(model, batch.words, Keep(what=("weights",), layers=(0,)), edits=edits)
    return {
        "accuracy": accuracy_there(net, batch),
        "weight": float(score(seen.at("weights", 0), own_adjective(batch.words)).max()),
        "cut": with_wall(own_adjective),
        "cut_before": with_wall(before_that),
    }


def opened(setup: Setup) -> tuple[DecoderModel, Tokenizer]:
    """The model that is looked into."""
    if setup.model is None:
        tokenizer = ByteTokenizer()
        small = llama(
            width=32, depth=12, heads=4, kv_heads=2, hidden=32, vocab=tokenizer.size, context=256
        )
        return build(small, seed=0), tokenizer
    found = load(setup.model)
    assert found.tokenizer is not None, "a model that reads sentences has a tokenizer"
    return found.model, found.tokenizer


def bookkeeping(model: DecoderModel, tokenizer: Tokenizer) -> dict[str, float]:
    """Whether heads add up to attention, patterns to 1, and GPT-3's maps to their number."""
    ids = torch.tensor([tokenizer.encode("a fluffy blue creature roamed the verdant forest")])
    seen = trace(model, ids, Keep(what=("weights", "mixed", "attention")))
    words = [tokenizer.decode([number]) for number in ids[0].tolist()]
    layer = seen.layers[len(seen.layers) // 2]
    title = f"Layer {layer}: rows are queries, columns keys"
    keep_picture("patterns", pattern_grid(seen.at("weights", layer)[0], words, title=title))
    maps = attention_weights(tally(GPT3))
    return {
        "delta_gap": delta_gap(model, seen),
        "row_gap": row_gap(seen),
        "later": later_weight(seen),
        "miscounted": float(sum(maps != parts * each for parts, each in COUNTS.items())),
    }


def masking(model: DecoderModel, tokenizer: Tokenizer, seed: int) -> dict[str, float]:
    """What a changed word does to what stands before it, with the mask and without."""
    ids = torch.tensor([tokenizer.encode(ambiguous_words()[0].sentences[0])])
    draw = stream(seed, "masking")
    place = int(torch.randint(1, ids.shape[1], (), generator=draw))
    other = int(torch.randint(model.description.vocab, (), generator=draw))
    masked, open_ = (reach(model, ids, place, other, masked=yes) for yes in (True, False))
    return {
        "change": masked.change,
        "gradient": masked.gradient,
        "change_open": open_.change,
        "gradient_open": open_.gradient,
    }


def senses(model: DecoderModel, tokenizer: Tokenizer, seed: int) -> dict[str, float]:
    """Whether neighbours mean the same: the layer is chosen by half of the words."""
    words = ambiguous_words()
    seen = word_states(model, tokenizer, words)
    alone = word_states(model, tokenizer, words, [with_pattern("identity")])
    scores = neighbour_scores(seen, words)
    keep_array("same_sense", scores.mean(0).numpy())
    keep_array("same_sense_alone", neighbour_scores(alone, words).mean(0).numpy())
    order = torch.randperm(len(words), generator=stream(seed, "words"))
    chosen, tested = order.chunk(2)
    layer = LAYERS.start + int(scores[chosen, LAYERS].mean(0).argmax())
    dealt, numbers = stream(seed, "dealt"), tested.tolist()
    return {
        "same_sense": float(scores[tested, layer].mean()),
        "layer": float(layer),
        "bottom": max(spread(states[0]) for states in seen),
        "alone": max(spread(vectors) for states in alone for vectors in states),
        "dealt": fmean(by_chance(seen[n][layer], words[n].meant, generator=dealt) for n in numbers),
        "by_words": fmean(
            same_sense(word_vectors(words[n].sentences), words[n].meant) for n in numbers
        ),
    }


def heads(model: DecoderModel, block: int, seed: int) -> dict[str, float]:
    """Heads with jobs that can be read off, on random text read twice."""
    found = read_twice(model, block=block, texts=4, generator=stream(seed, "blocks"))
    keep_picture("atlas", head_atlas(found.atlas))
    return {
        "induction": found.induction,
        "unrepeated": found.unrepeated,
        "previous": found.previous,
        "sinks": found.sinks,
        "first_half": found.first_half,
        "second_half": found.second_half,
    }


def roads(rows: Rows) -> Picture:
    """The small models as they are, and without the road from noun to adjective."""
    return bars(
        rows,
        ("accuracy", "cut", "cut_before"),
        title="Which adjective? With the edge noun → adjective cut, and the edge before it",
        y="accuracy",
    )


def meaning(rows: Rows) -> Picture:
    """How often a word's nearest neighbour means the same, and where words see themselves alone."""
    return curves(
        rows,
        ("same_sense", "same_sense_alone"),
        title="Nearest neighbours of the same meaning",
        y="share of sentences",
        x="layer (0: the embedding)",
    )


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU, model=None, block=12, learn=Budget(steps=2, batch=4, rate=2e-3), measured=20
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            model="HuggingFaceTB/SmolLM2-1.7B-Instruct",
            learn=replace(CPU.learn, steps=4000),
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    plots=(roads, meaning),
    claims=(
        Claim(
            "GPT-3's attention has the video's numbers of weights: map, head, block, all",
            value=lambda r: r.looked_into.miscounted,
            at_most=0,
            source="the video: 1.5 million, 6.3 million, 600 million, 58 billion",
        ),
        Claim(
            "what the heads add, one by one, is what attention adds",
            value=lambda r: r.looked_into.delta_gap,
            at_most=1e-5,
            source="the video, the output matrix",
        ),
        Claim(
            "every query's weights sum to 1",
            value=lambda r: r.looked_into.row_gap,
            at_most=1e-6,
            source="the video, softmax",
        ),
        Claim(
            "no query has any weight on a later token",
            value=lambda r: r.looked_into.later,
            at_most=0,
            source="the video, masking",
        ),
        Claim(
            "a changed word changes nothing before it",
            value=lambda r: r.looked_into.change,
            at_most=1e-5,
            source="the video, masking",
        ),
        Claim(
            "and has no gradient there",
            value=lambda r: r.looked_into.gradient,
            at_most=0,
            source="the video, masking",
        ),
        Claim(
            "without the mask it changes what is before it",
            value=lambda r: r.looked_into.change_open,
            at_least=1e-2,
            source="control; the margin is ours",
        ),
        Claim(
            "and has a gradient there",
            value=lambda r: r.looked_into.gradient_open,
            above=0,
            source="control",
        ),
        Claim(
            "a word's nearest neighbour in the middle of the model means the same",
            value=lambda r: r.looked_into.same_sense,
            at_least=0.9,
            source="the video, three senses of mole",
        ),
        Claim(
            "its vector at the bottom is the same in all sentences",
            value=lambda r: r.looked_into.bottom,
            at_most=0,
            source="the video, three senses of mole",
        ),
        Claim(
            "and stays the same in all layers where each place sees itself alone",
            value=lambda r: r.looked_into.alone,
            at_most=1e-4,
            source="control",
        ),
        Claim(
            "with the senses dealt out anew it is chance, within 0.2",
            value=lambda r: abs(r.looked_into.dealt - 0.5),
            at_most=0.2,
            source="control",
        ),
        Claim(
            "a head looks back at what came next the first time",
            value=lambda r: r.looked_into.induction,
            at_least=0.5,
            source="the video: many heads, many kinds of update",
        ),
        Claim(
            "and does not where nothing is repeated",
            value=lambda r: r.looked_into.unrepeated,
            at_most=0.05,
            source="control",
        ),
        Claim(
            "a head looks at the token before",
            value=lambda r: r.looked_into.previous,
            at_least=0.5,
            source="the video: many heads, many kinds of update",
        ),
        Claim(
            "the second round of a random text costs 5 nats a token less",
            value=lambda r: r.looked_into.first_half - r.looked_into.second_half,
            at_least=5,
            source="the video: many heads, many kinds of update",
        ),
        Claim(
            "two blocks of attention tell which adjective a noun had",
            value=lambda r: r.free.accuracy,
            at_least=0.95,
            source="the video, adjectives update nouns",
        ),
        Claim(
            "one block does not",
            value=lambda r: r.one_block.accuracy,
            at_most=0.45,
            source="control; chance is 1/3",
        ),
        Claim(
            "nor do two whose patterns are uniform",
            value=lambda r: r.uniform.accuracy,
            at_most=0.45,
            source="control; chance is 1/3",
        ),
        Claim(
            "where the question sees nouns alone, the answer is still known",
            value=lambda r: r.routed.accuracy,
            at_least=0.95,
            source="the video, adjectives update nouns",
        ),
        Claim(
            "since a head of the first block looks from each noun to its adjective",
            value=lambda r: r.routed.weight,
            at_least=0.5,
            source="the video, adjectives update nouns; uniform would be 0.21",
        ),
        Claim(
            "without that edge it is unknown",
            value=lambda r: r.routed.cut,
            at_most=0.25,
            source="the cut is ours",
        ),
        Claim(
            "without the edge before it it is not",
            value=lambda r: r.routed.cut_before,
            at_least=0.8,
            source="control",
        ),
    ),
)
