"""The Illustrated GPT-2 (Alammar 2019), a post on Radford et al. 2019.

A decoder alone reads a text once, each token looking back only, so that keys and values of earlier
tokens are kept and a new token costs its own row:  T tokens cost T rows, not 1 + 2 + … + T.

Claim: earlier tokens are not interpreted anew in the light of later ones, so the cache changes
nothing and saves the work; always taking the likeliest word can loop, drawing among 40 does not;
a decoder alone can translate, source and target being one text.

The post's numbers of parameters are counted. Controls: a cache that tells new tokens a place too
far, the same weights without the mask, and a translator whose target cannot see its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from practicum.data.coreference import crossings
from practicum.data.drawn import Drawn
from practicum.data.gendered_translation import (
    BEGIN,
    END,
    SOURCE_WORDS,
    TARGET_WORDS,
    GenderedTranslation,
    pair,
)
from practicum.data.word_pairs import word_pairs
from practicum.decoding.model import reading
from practicum.interpret.attention_figures import mask_triangle
from practicum.interpret.cache_view import (
    bottom,
    bytes_per_token,
    quarters,
    seconds_per_token,
    step_logits,
)
from practicum.interpret.edited import Edited, Edits
from practicum.interpret.edits import PatternEdit, blocked
from practicum.interpret.looping import loops
from practicum.interpret.masking import reach
from practicum.interpret.tally import by_place, tally
from practicum.lab.kept import keep_array, keep_picture
from practicum.lab.paper import Claim, Paper, Picture
from practicum.lab.plots import bars, curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.encoder_decoder import EncoderDecoder
from practicum.models.families.gpt2 import SIZES, gpt2
from practicum.models.families.llama import llama
from practicum.models.families.transformer import transformer
from practicum.models.load import load
from practicum.objectives.continuation import Continuation, exactly_continued, sees_source
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

SHIFT = len(SOURCE_WORDS) - 3  # target words come after the source's; three special ones are shared
ROWS = {  # of GPT-2 small, as the post's last table has them; those of a block are there 12 times
    "embedding": 38_597_376,
    "positions": 786_432,
    "stack.blocks.*.mixer_norm": 1_536,
    "stack.blocks.*.mixer.qkv": 1_771_776,
    "stack.blocks.*.mixer.out": 590_592,
    "stack.blocks.*.ffn_norm": 1_536,
    "stack.blocks.*.ffn.up": 2_362_368,
    "stack.blocks.*.ffn.down": 2_360_064,
    "stack.final_norm": 1_536,
}
TASK = Continuation(begin=BEGIN, end=END, shift=SHIFT)


def decoder(width: int = 64, depth: int = 4, heads: int = 4, hidden: int = 312) -> Decoder:
    """A GPT-2 with a vocabulary of both languages and feed-forwards of this width."""
    whole = gpt2(
        width=width,
        depth=depth,
        heads=heads,
        vocab=SHIFT + len(TARGET_WORDS),
        context=32,
        std=width**-0.5,
    )
    (block,) = whole.stack.pattern
    assert block.ffn is not None, "a block of GPT-2 has a feed-forward"
    block = replace(block, ffn=replace(block.ffn, hidden=hidden))
    return replace(whole, stack=replace(whole.stack, block=block))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The model that is looked into, and the decoder that learns to translate."""

    model: str | None = "smollm2"  # None: a small one with random weights
    cut: Decoder = gpt2(width=768, depth=2, heads=12)  # GPT-2 small, its lowest blocks
    compared: int = 128  # tokens read with a cache and without
    timed: int = 256
    timed_layers: int = 6
    prompts: int = 8
    written: int = 128  # tokens after each prompt
    translator: Decoder = decoder()
    other: EncoderDecoder = transformer(  # whose parameters the translator has, within 5 %
        width=64,
        depth=2,
        heads=4,
        vocab=len(TARGET_WORDS),
        source_vocab=len(SOURCE_WORDS),
        context=32,
    )
    learn: Budget = Budget(steps=600, batch=64, rate=2e-3)
    device: str = "cpu"  # of learning; a model is looked into on the processor


def blind(words: Tensor) -> Sequence[PatternEdit]:
    """From the separator on, no token sees the source."""
    return [blocked(sees_source(words, BEGIN))]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What a translator may not look at."""

    edits: Edits | None = None


ARMS = {"looked_into": Arm(), "translates": Arm(), "blind": Arm(edits=blind)}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """What is found in the model of the setup, or how a decoder learns to translate."""
    if arm != "looked_into":
        return translated(setup, ARMS[arm], f"{arm}, seed {seed}", seed)
    model, tokenizer = opened(setup)
    prompts = word_pairs().prompts
    order = torch.randperm(len(prompts), generator=stream(seed, "prompts")).tolist()
    chosen = [prompts[number] for number in order]
    text = torch.tensor([tokenizer.encode(" ".join(chosen * 3))])
    keep_picture("mask", mask_triangle())
    found = loops(model, tokenizer, chosen[: setup.prompts], tokens=setup.written, seed=seed)
    return {
        **cached(setup, model, text, seed),
        **timed(bottom(model, setup.timed_layers), text[:, : setup.timed]),
        **unread(model, text[:, :24], seed),
        "repeats": found.greedy,
        "repeats_drawn": found.drawn,
        "repeats_more": found.more,
        "repeats_least": found.least,
        "logprob": found.greedy_logprob,
        "logprob_drawn": found.drawn_logprob,
        "differing": float(found.differing),
        "miscounted": float(sum(tally(one).parameters != count for one, count in SIZES.values())),
        "other_rows": float({p.name: p.each for p in by_place(SIZES["small"][0])} != ROWS),
    }


def opened(setup: Setup) -> tuple[DecoderModel, Tokenizer]:
    """The model that is looked into."""
    if setup.model is None:
        tokenizer = ByteTokenizer()
        small = llama(width=32, depth=2, heads=2, hidden=32, vocab=tokenizer.size, context=256)
        return build(small, seed=0), tokenizer
    found = load(setup.model)
    assert found.tokenizer is not None, "a model that reads prompts has a tokenizer"
    return found.model, found.tokenizer


def cached(
    setup: Setup, model: DecoderModel, text: Int[Tensor, "1 t"], seed: int
) -> dict[str, float]:
    """How far scores read by a cache are from those read at once; and by one that is mistaken."""
    random = build(setup.cut, seed=seed)
    drawn = torch.randint(setup.cut.vocab, (1, setup.compared), generator=stream(seed, "words"))
    numbers = {"bytes_per_token": float(bytes_per_token(model))}
    for name, one, ids in (("", model, text[:, : setup.compared]), ("_gpt2", random, drawn)):
        with reading(one):
            whole = one(ids)[0]
        for kind, off_by in (("gap", 0), ("misplaced", 1)):
            stepped = step_logits(one, ids, prompt=ids.shape[1] // 4, off_by=off_by)
            numbers[kind + name] = float((stepped - whole).abs().max())
    return numbers


def timed(model: DecoderModel, text: Int[Tensor, "1 t"]) -> dict[str, float]:
    """What the cache saves."""
    with_cache, without_it = (seconds_per_token(model, text, cached=yes) for yes in (True, False))
    keep_array("milliseconds_cached", 1000 * np.array(with_cache))
    keep_array("milliseconds_anew", 1000 * np.array(without_it))
    first, last = quarters(with_cache)
    return {"slower": last / first, "faster": sum(without_it) / sum(with_cache)}


def unread(model: DecoderModel, text: Int[Tensor, "1 t"], seed: int) -> dict[str, float]:
    """How far earlier vectors move when later words change, with the mask and without."""
    draw = stream(seed, "masking")
    place = int(torch.randint(1, text.shape[1], (), generator=draw))
    other = int(torch.randint(model.description.vocab, (), generator=draw))
    masked, free = (reach(model, text, place, other, masked=yes) for yes in (True, False))
    return {"change": masked.change, "change_open": free.change}


def translated(setup: Setup, arm: Arm, name: str, seed: int) -> dict[str, float]:
    """A decoder alone on the sentences of The Illustrated Transformer's translator."""
    model = build(setup.translator, seed=seed, device=setup.device)
    net = Edited(model, arm.edits) if arm.edits else model
    source = Drawn(GenderedTranslation(), setup.learn.batch, seed=seed)
    fit(net, source, TASK, setup.learn, seed=seed, watch=Watch(name=name))
    batch = TASK.batch([pair(one) for one in crossings("held_out")]).to(setup.device)
    parameters = parameters_of(setup.translator)
    return {
        "exact": exactly_continued(net, batch),
        "parameters": parameters,
        "unlike": abs(parameters / parameters_of(setup.other) - 1),
    }


def cost(rows: Rows) -> Picture:
    """Time per token with a cache and without, over the length of the text."""
    return curves(
        rows,
        ("milliseconds_cached", "milliseconds_anew"),
        title="What a token costs",
        y="milliseconds",
        x="tokens before",
        log_y=True,
    )


def repetition(rows: Rows) -> Picture:
    """Repeated 4-grams of greedy answers and of drawn ones."""
    return bars(rows, ("repeats", "repeats_drawn"), title="Repeated 4-grams", y="share of 4-grams")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": replace(
            CPU,
            model=None,
            cut=gpt2(width=32, depth=2, heads=2, vocab=50, context=32),
            compared=16,
            timed=16,
            written=6,
            prompts=2,
            learn=Budget(steps=2, batch=4, rate=2e-3),
        ),
        "cpu": CPU,
        "gpu": replace(CPU, model="openai-community/gpt2", written=900, device="cuda"),
    },
    seeds={"smoke": 1, "cpu": 3, "gpu": 3},
    plots=(cost, repetition),
    claims=(
        Claim(
            "read by a cache, every token's scores are the same",
            value=lambda r: max(r.looked_into.gap, r.looked_into.gap_gpt2),
            at_most=1e-4,
            source='"Model Output" and "A Deeper Look Inside"',
        ),
        Claim(
            "a cache that is off by one place is noticed",
            value=lambda r: min(r.looked_into.misplaced, r.looked_into.misplaced_gpt2),
            at_least=0.1,
            source="control; the margin is ours",
        ),
        Claim(
            "with a cache a token's time hardly grows with the text",
            value=lambda r: r.looked_into.slower,
            at_most=2,
            source='"GPT-2 Masked Self-Attention"',
        ),
        Claim(
            "and all of them take a fifth of the time or less",
            value=lambda r: r.looked_into.faster,
            at_least=5,
            source='"GPT-2 Masked Self-Attention"',
        ),
        Claim(
            "earlier tokens are not interpreted anew in the light of later ones",
            value=lambda r: r.looked_into.change,
            at_most=1e-5,
            source='"A Deeper Look Inside"',
        ),
        Claim(
            "without the mask they are",
            value=lambda r: r.looked_into.change_open,
            at_least=1e-2,
            source="control",
        ),
        Claim(
            "greedy answers repeat a tenth more of their 4-grams than those drawn among 40 words",
            value=lambda r: r.looked_into.repeats_more,
            at_least=0.1,
            source='"Looking Inside GPT-2", top_k; the margin is ours',
        ),
        Claim(
            "and do so over the prompts: the lower end of the bootstrap interval",
            value=lambda r: r.looked_into.repeats_least,
            above=0,
            source='"Looking Inside GPT-2", top_k',
        ),
        Claim(
            "drawing among one word is taking the likeliest",
            value=lambda r: r.looked_into.differing,
            at_most=0,
            source='"Looking Inside GPT-2", top_k = 1',
        ),
        Claim(
            "a decoder alone translates",
            value=lambda r: r.translates.exact,
            at_least=0.9,
            source='"Beyond Language Modeling", machine translation',
        ),
        Claim(
            "with the parameters of an encoder and a decoder, within 5 %",
            value=lambda r: r.translates.unlike,
            at_most=0.05,
            source="the comparison is ours",
        ),
        Claim(
            "not where the target cannot see the source",
            value=lambda r: r.blind.exact,
            at_most=0.2,
            source="control",
        ),
        Claim(
            "the four sizes have the parameters that are counted",
            value=lambda r: r.looked_into.miscounted,
            at_most=0,
            source='"You\'ve Made It!": 124 million, not 117; all four as released',
        ),
        Claim(
            "and the smallest has them where the table says",
            value=lambda r: r.looked_into.other_rows,
            at_most=0,
            source='"You\'ve Made It!", the table of weights',
        ),
    ),
)
