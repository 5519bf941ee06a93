"""Which attention pays off on sequences of your own, and at what cost.

One small recurrent translator per mechanism learns the same pairs in the same order: without
attention, with a search by some score, everywhere or in a window, or as a pointer where all that is
to be said stands in the source. For instance, with the lines of two files as bytes:

    pairs = split_pairs(read_pairs("questions.txt", "answers.txt"))
    encoded = [encode_pairs(side, ByteTokenizer(), ByteTokenizer())
               for side in (pairs.train, pairs.held_out)]
    for trial in compare_attention(*encoded, vocab=258, begin=256, end=257, seed=0):
        print(trial)

A winner has won on this budget; `budget` says more or less of it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from practicum.data.loader import Loader, in_order
from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.kernels.alignment import entropy
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.bahdanau import quick
from practicum.models.pointing_translator import PointingTranslator
from practicum.models.recurrent import Recurrent, RecurrentModel
from practicum.nn.alignment import LocalMonotonic, LocalPredictive
from practicum.nn.gated_unit import GatedUnit
from practicum.nn.initial import Normal, Rule
from practicum.nn.maxout import Maxout
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive, General
from practicum.objectives.translation import Translation
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

USUAL = Budget(steps=500, batch=32, rate=2e-3)


@dataclass(frozen=True, kw_only=True)
class Points:
    """A mechanism of the comparison: the weights of `reader` are the answer."""

    reader: Reader


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one mechanism did on the held-out pairs, and what it cost."""

    name: str
    nats: float  # per word, each after the right ones
    right: float  # share of words that were the likeliest, each after the right ones
    entropy: float | None  # of the weights, in nats: how widely it looks; None: it does not
    parameters: int
    milliseconds: float  # per update


Mechanism = Reader | Points | None


def mechanisms(width: int) -> dict[str, Mechanism]:
    """All that are compared, for states of `width` numbers."""
    additive, general = Additive(hidden=width), General()
    return {
        "none": None,
        "additive": Reader(score=additive),
        "general": Reader(score=general),
        "window along": Reader(score=general, align=LocalMonotonic(reach=3)),
        "window predicted": Reader(score=general, align=LocalPredictive(hidden=width, reach=3)),
        "pointer": Points(reader=Reader(score=additive)),
    }


def compare_attention(
    learned: Sequence[TokenPair],
    held_out: Sequence[TokenPair],
    *,
    vocab: int,
    begin: int,
    end: int,
    width: int = 64,
    budget: Budget = USUAL,
    seed: int,
    compared: Mapping[str, Mechanism] | None = None,
) -> list[Trial]:
    """One trial per mechanism, the fewest held-out nats first.

    Ids of either side are below `vocab`; `end` is put behind every source. A pointer is left out
    where a target has a word that its source has not. Raises DataError for ids that are no words.
    """
    sides = [[_ended(pair, vocab, end) for pair in side] for side in (learned, held_out)]
    copies = all(set(pair.target) <= set(pair.source) for side in sides for pair in side)
    trials = []
    for name, mechanism in (mechanisms(width) if compared is None else compared).items():
        if isinstance(mechanism, Points) and not copies:
            continue
        model = _translator(mechanism, vocab, width, seed)
        objective = Translation(begin=begin, end=end)
        watch = Watch(name=f"attention: {name}")
        source = Loader(sides[0], budget.batch, seed=seed)
        start = time.perf_counter()
        fit(model, source, objective, budget, seed=seed, watch=watch)
        seconds = time.perf_counter() - start
        trials.append(
            Trial(
                name=name,
                **_measured(model, sides[1], objective, budget.batch),
                parameters=sum(p.numel() for p in model.parameters() if p.grad is not None),
                milliseconds=1000 * seconds / budget.steps,
            )
        )
    return sorted(trials, key=lambda trial: trial.nats)


def _ended(pair: TokenPair, vocab: int, end: int) -> TokenPair:
    ids = (*pair.source, *pair.target, end)
    if not 0 <= min(ids) <= max(ids) < vocab:
        raise DataError(
            f"a pair or its end has id {max(ids) if max(ids) >= vocab else min(ids)}; expected "
            f"ids from 0 to {vocab - 1}; give a larger vocab"
        )
    return TokenPair((*pair.source, end), pair.target)


def _translator(
    mechanism: Mechanism, vocab: int, width: int, seed: int
) -> RecurrentModel | PointingTranslator:
    search = mechanism.reader if isinstance(mechanism, Points) else mechanism
    description = Recurrent(
        source_vocab=vocab,
        target_vocab=vocab,
        embedding=width,
        unit=GatedUnit(width=width),
        search=search,
        readout=Maxout(units=width),
        initial=(
            Rule(names="*search.align.*", start=Normal(std=width**-0.5)),
            *quick(width, width, width, width),
        ),
    )
    model = build(description, seed=seed)
    return PointingTranslator(model) if isinstance(mechanism, Points) else model


@torch.no_grad()
def _measured(
    model: RecurrentModel | PointingTranslator,
    pairs: Sequence[TokenPair],
    objective: Translation,
    batch: int,
) -> dict[str, Any]:
    """Nats per word, share of words right, and how widely the model looks."""
    translator = model.translator if isinstance(model, PointingTranslator) else model
    nats, right, spread, words = 0.0, 0, 0.0, 0
    looks = translator.search is not None
    for rows in in_order(pairs, batch):
        prepared = objective.prepare(rows, torch.Generator())
        wanted = prepared.wanted != IGNORED
        logits = model(prepared.source, prepared.target, prepared.real)
        nats += float(F.cross_entropy(logits[wanted], prepared.wanted[wanted], reduction="sum"))
        right += int((logits[wanted].argmax(-1) == prepared.wanted[wanted]).sum())
        words += int(wanted.sum())
        if looks:
            weights = translator.alignments(prepared.source, prepared.target, prepared.real)
            spread += float(entropy(weights)[wanted].sum())
    return {
        "nats": nats / words,
        "right": right / words,
        "entropy": spread / words if looks else None,
    }
