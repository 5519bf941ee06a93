"""Speculation changes how fast a text comes, and nothing else."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from loud import loud

from practicum.decoding.draft_model import DraftModel
from practicum.decoding.drafting import Numbers
from practicum.decoding.generate import Chunk, Completion, Request
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling, draw, filtered
from practicum.decoding.speculative import Speculation, Tally, verify, write_speculatively
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.mamba import mamba
from practicum.models.families.mistral import mistral
from practicum.tokenizers.tokenizer import PieceTokenizer

# with what follows longer than a window and its slack, so that rings turn
REPEATING = "It was the age, 0123456789 it was the age of wisdom, 0123456789 it was the age, it was"
PROMPTS = [REPEATING, "日本"]
SAMPLINGS = {
    "greedy": Sampling(temperature=0.0, max_tokens=14, logprobs=2),
    "filtered": Sampling(top_k=9, top_p=0.9, min_p=0.01, seed=2, max_tokens=14, logprobs=0),
    "penalised": Sampling(repetition_penalty=1.2, top_k=5, seed=7, max_tokens=14),
    "counted": Sampling(frequency_penalty=0.4, presence_penalty=0.3, seed=8, max_tokens=14),
}


def spoken(
    lm: LanguageModel, prompts: Sequence[str], sampling: Sampling, speculation: Speculation
) -> tuple[list[Completion], Tally]:
    requests = [
        Request(index=i, ids=tuple(lm.encode_prompt(prompt)), sampling=sampling)
        for i, prompt in enumerate(prompts)
    ]
    tally = Tally()
    pieces = list(
        write_speculatively(
            lm.model, lm.tokenizer, requests, ends=lm.ends, speculation=speculation, tally=tally
        )
    )
    done = [piece for piece in pieces if isinstance(piece, Completion)]
    for completion in done:
        chunks = [p.text for p in pieces if isinstance(p, Chunk) and p.index == completion.index]
        assert "".join(chunks) == completion.text
    return done, tally


def check_same(lm: LanguageModel, sampling: Sampling, speculation: Speculation) -> Tally:
    """What is said with a draft is what is said without."""
    said, tally = spoken(lm, PROMPTS, sampling, speculation)
    plain = {done.index: done for done in lm.generate(PROMPTS, sampling)}
    assert [done.index for done in said] == list(range(len(PROMPTS)))
    for ours in said:
        theirs = plain[ours.index]
        assert (ours.ids, ours.text, ours.finish) == (theirs.ids, theirs.text, theirs.finish)
        assert (ours.logprobs or ()) == pytest.approx(theirs.logprobs or (), abs=1e-5)
        tops = (ours.top_logprobs or (), theirs.top_logprobs or ())
        assert [[id for id, _ in top] for top in tops[0]] == [
            [id for id, _ in top] for top in tops[1]
        ]
    assert tally.accepted <= tally.drafted
    return tally


# --- guesses: the text of plain decoding


PASTS = {  # what a past is kept in, and how it forgets
    "caches": lambda size: gpt2(width=16, depth=1, heads=2, vocab=size + 3, context=60),
    "recurrences": lambda size: mamba(width=12, depth=1, vocab=size, context=60),
    "windows": lambda size: mistral(
        width=16, depth=1, heads=2, kv_heads=1, hidden=24, vocab=size, window=5, context=60
    ),
}


@pytest.fixture(params=PASTS)
def pair(request, tokenizer):
    """A language model, and another network of its kind."""
    description = PASTS[request.param](tokenizer.size)
    return LanguageModel(loud(description, seed=1), tokenizer), loud(description, seed=2)


@pytest.fixture
def lm(tokenizer):
    return LanguageModel(loud(PASTS["caches"](tokenizer.size), seed=1), tokenizer)


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
def test_looked_up_drafts_leave_the_text_as_it_is(pair, sampling):
    check_same(pair[0], sampling, Speculation(draft=PromptLookup(shortest=1), tokens=5))


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
def test_coupled_drafts_leave_the_text_as_it_is(pair, sampling):
    lm, other = pair
    check_same(lm, sampling, Speculation(draft=DraftModel(model=other, coupled=True), tokens=3))
    own = DraftModel(model=lm.model, coupled=True)
    tally = check_same(lm, sampling, Speculation(draft=own, tokens=3))
    assert tally.accepted == tally.drafted  # a model agrees with itself


def test_a_stop_string_an_end_token_and_the_context_end_a_text_within_a_draft(lm):
    greedy = Sampling(temperature=0.0, max_tokens=200)
    free = next(lm.generate([REPEATING], greedy))
    draft = Speculation(draft=DraftModel(model=lm.model), tokens=7)
    tally = check_same(lm, greedy, draft)
    assert tally.accepted == tally.drafted > 0
    stop = free.text[5:8]
    check_same(lm, replace(greedy, stop=(stop,)), draft)
    ending = LanguageModel(lm.model, lm.tokenizer, ends={free.ids[5]})
    check_same(ending, greedy, draft)
    for count in (1, 2, 9):
        tally = check_same(lm, replace(greedy, max_tokens=count), draft)
        assert tally.reads + tally.accepted <= len(PROMPTS) * count


def test_a_draft_model_with_less_context_stops_drafting(lm, tokenizer):
    small = loud(gpt2(width=16, depth=1, heads=2, vocab=tokenizer.size, context=28), seed=3)
    tally = check_same(
        LanguageModel(lm.model, tokenizer, ends=()),
        Sampling(temperature=0.0, max_tokens=30),
        Speculation(draft=DraftModel(model=small)),
    )
    assert 0 < tally.drafted < 4 * tally.reads


def test_what_was_read_and_written_is_counted(lm, tokenizer):
    sampling = Sampling(temperature=0.0, max_tokens=21)
    endless = LanguageModel(lm.model, tokenizer, ends=())
    own = Speculation(draft=DraftModel(model=lm.model), tokens=4)
    done, tally = spoken(endless, ["x"], sampling, own)
    assert len(done[0].ids) == 21
    assert tally == Tally(reads=4, drafted=16, accepted=16)  # one by the prompt, 4 × (4 + 1)
    assert tally.per_read == 5.0
    assert Tally().per_read == 1.0


# --- drawn drafts: the distribution of plain decoding


def test_a_draft_that_was_drawn_by_the_model_itself_always_stays(pair):
    lm = pair[0]
    sampling = Sampling(top_k=12, seed=5, max_tokens=14, repetition_penalty=1.1)
    own = Speculation(draft=DraftModel(model=lm.model))
    done, tally = spoken(lm, PROMPTS, sampling, own)
    assert tally.accepted == tally.drafted > 0
    assert spoken(lm, PROMPTS, sampling, own)[0] == done  # same seed, same draft, same text


def random_logits(vocabulary: int, seed: int) -> dict[tuple[int, ...], torch.Tensor]:
    """Logits after every text of up to three tokens."""
    generator = torch.Generator().manual_seed(seed)
    texts = [t for n in range(4) for t in itertools.product(range(vocabulary), repeat=n)]
    return {t: 2 * torch.randn(vocabulary, generator=generator, dtype=torch.float64) for t in texts}


class Enumeration:
    """The distribution of the first tokens, by trying every cell of the numbers drawn with.

    What comes out is constant between the places where a sum of probabilities, or a ratio that a
    token is kept by, is crossed; so one number of each cell, weighted by its width, is exact.
    """

    def __init__(self, vocabulary: int, count: int, drafted: int, sampling: Sampling) -> None:
        self.p, self.q = random_logits(vocabulary, 1), random_logits(vocabulary, 2)
        self.count, self.drafted, self.sampling = count, drafted, sampling

    def chances(self, logits: torch.Tensor) -> torch.Tensor:
        return filtered(logits[None], self.sampling)[0].softmax(-1)

    def text(self, triples: Sequence[tuple[float, float, float]]) -> tuple[int, ...]:
        """What these numbers say, in rounds of drafting and judging."""
        padded = [*triples, *[(0.5, 0.5, 0.5)] * (self.count + self.drafted + 1 - len(triples))]
        choose, accept, draft = torch.tensor(padded, dtype=torch.float64).unbind(1)
        written: list[int] = []
        while len(written) < self.count:
            at, guessed, chances = len(written), list(written), []
            for place in range(at, at + min(self.drafted, 3 - at)):
                shaped = filtered(self.q[tuple(guessed)][None], self.sampling)
                chances.append(shaped.softmax(-1))
                guessed += draw(shaped, draft[place : place + 1]).tolist()
            rows = [self.p[tuple(guessed[:n])] for n in range(at, len(guessed) + 1)]
            verdict = verify(
                torch.stack(rows),
                guessed[at:],
                torch.cat(chances),
                self.sampling,
                Numbers(choose=choose[at:], accept=accept[at:], draft=draft[at:]),
            )
            written = [*guessed[: at + verdict.accepted], verdict.next]
        return tuple(written[: self.count])

    def cells(self, before: tuple[int, ...]) -> list[tuple[tuple[float, float, float], float]]:
        """A triple of numbers for every cell of the token after `before`, and its share."""
        p, q = self.chances(self.p[before]), self.chances(self.q[before])
        rest = (p - q).clamp(min=0)
        edges = (
            [*p.cumsum(0).tolist(), *(rest / rest.sum()).cumsum(0).tolist()],
            (p / q).nan_to_num(0).tolist(),
            q.cumsum(0).tolist(),
        )
        axes = []
        for every in edges:
            cuts = [0.0, *sorted(edge for edge in every if edge < 1), 1.0]
            axes.append(
                [((a + b) / 2, b - a) for a, b in itertools.pairwise(cuts) if b - a > 1e-12]
            )
        return [
            (tuple(middle for middle, _ in cell), torch.tensor([w for _, w in cell]).prod().item())
            for cell in itertools.product(*axes)
        ]

    def law(self) -> dict[tuple[int, ...], float]:
        found: dict[tuple[int, ...], float] = defaultdict(float)

        def extend(triples: list[tuple[float, float, float]], share: float) -> None:
            said = self.text(triples)
            if len(triples) == self.count:
                found[said] += share
                return
            for triple, width in self.cells(said[: len(triples)]):
                extend([*triples, triple], share * width)

        extend([], 1.0)
        return found

    def expected(self) -> dict[tuple[int, ...], float]:
        """The chain rule over the target's distributions."""
        texts = itertools.product(range(len(self.p[()])), repeat=self.count)
        return {
            text: torch.stack([self.chances(self.p[text[:n]])[text[n]] for n in range(self.count)])
            .prod()
            .item()
            for text in texts
        }


@pytest.mark.parametrize(
    ("vocabulary", "count", "drafted", "sampling"),
    [
        (3, 2, 2, Sampling()),
        (3, 2, 1, Sampling(temperature=0.6, top_k=2)),
        (4, 1, 3, Sampling(temperature=1.4, top_p=0.8)),
        (2, 3, 2, Sampling(temperature=0.9)),
    ],
)
def test_the_distribution_of_the_first_tokens_is_exactly_the_models(
    vocabulary: int, count: int, drafted: int, sampling: Sampling
):
    enumeration = Enumeration(vocabulary, count, drafted, sampling)
    law, expected = enumeration.law(), enumeration.expected()
    assert sum(law.values()) == pytest.approx(1, abs=1e-6)
    for text, chance in expected.items():
        assert law.get(text, 0.0) == pytest.approx(chance, abs=1e-6)
    p, q = (enumeration.chances(logits[()]) for logits in (enumeration.p, enumeration.q))
    assert (p - q).abs().sum() > 0.1  # the drafts come from another distribution


SEEDS = 160


class Letters(PieceTokenizer):
    def __init__(self) -> None:
        super().__init__([b"a", b"b", b"c", b"d"], {}, end=None, begin=None)

    def _encode_plain(self, text: str) -> list[int]:
        return ["abcd".index(letter) for letter in text]

    def description(self) -> dict[str, Any]:
        return {"kind": "Letters"}


def test_texts_of_many_seeds_are_spread_as_the_model_spreads_them():
    shape: dict[str, Any] = {"width": 8, "depth": 1, "heads": 2, "vocab": 4, "context": 8}
    target, other = loud(gpt2(**shape), seed=1), loud(gpt2(**shape), seed=5)
    requests = [
        Request(index=i, ids=(0,), sampling=Sampling(max_tokens=3, seed=i, temperature=0.8))
        for i in range(SEEDS)
    ]
    pieces = write_speculatively(
        target,
        Letters(),
        requests,
        ends=(),
        speculation=Speculation(draft=DraftModel(model=other), tokens=2),
    )
    seen = Counter(piece.ids[1:] for piece in pieces if isinstance(piece, Completion))
    statistics = []
    for model in (target, other):
        texts = list(itertools.product(range(4), repeat=3))
        with torch.no_grad():
            rows = model(torch.tensor([(0, *text[:2]) for text in texts])) / 0.8
        places = torch.tensor(texts)[..., None]
        joint = rows.softmax(-1).gather(2, places)[..., 0].prod(1)
        expected: dict[tuple[int, ...], float] = defaultdict(float)
        for text, chance in zip(texts, joint.tolist(), strict=True):
            expected[text[1:]] += SEEDS * chance
        rare = [text for text, count in expected.items() if count < 5]
        cells = [(seen[t], count) for t, count in expected.items() if count >= 5]
        cells.append((sum(seen[t] for t in rare), sum(expected[t] for t in rare) + 1e-9))
        statistics.append((sum((n - e) ** 2 / e for n, e in cells), len(cells) - 1))
    (own, freedom), (others, _) = statistics
    assert own < freedom + 3.1 * (2 * freedom) ** 0.5  # about the 99.9th percentile
    assert others > 2 * own  # the drafts' own spread would have been noticed


# --- refusals


def test_what_cannot_be_is_refused_in_one_line(lm):
    small = build(gpt2(width=16, depth=1, heads=2, vocab=50, context=16))
    with pytest.raises(ModelError, match="a draft model of 50 tokens cannot speak for"):
        spoken(lm, ["x"], Sampling(), Speculation(draft=DraftModel(model=small)))
    with pytest.raises(ModelError, match="shorten the prompt"):
        spoken(lm, ["x", "z9" * 100], Sampling(), Speculation(draft=PromptLookup()))
    for tokens in (0, 33):
        with pytest.raises(ConfigError, match="expected 1 to 32"):
            Speculation(draft=PromptLookup(), tokens=tokens)
