"""Beam search: against every possible answer, against greedy, and written plainly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from practicum.decoding.beam import Beam, Hypothesis, beam_search, length_penalty
from practicum.decoding.model import Target, log_probabilities, prefill
from practicum.decoding.model import step as read
from practicum.errors import ConfigError, ModelError
from practicum.seeding import stream

END, BEGIN = 0, 7
seeds, vocabularies, lengths = st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 4)
alphas = st.sampled_from([0.0, 0.6, 1.0, 3.0])


@dataclass
class Heard:
    """A state that keeps, in each row, its source and every token it was told."""

    rows: list[tuple[int, ...]]

    def select(self, rows: Sequence[int]) -> None:
        self.rows = [self.rows[row] for row in rows]


@dataclass
class Language:
    """Random log-probabilities that depend on the source and on all that was said before."""

    vocab: int
    seed: int
    banned: int | None = None

    def after(self, history: tuple[int, ...]) -> Tensor:
        generator = stream(self.seed, *history)
        drawn = 2 * torch.randn(self.vocab, generator=generator, dtype=torch.float64)
        if self.banned is not None:
            drawn[self.banned] = -torch.inf
        return drawn.log_softmax(-1)

    def step(self, state: Heard, last: Tensor) -> Tensor:
        told = zip(state.rows, last.tolist(), strict=True)
        state.rows = [(*history, token) for history, token in told]
        return torch.stack([self.after(history) for history in state.rows])


def searched(
    language: Language, sources: Sequence[int], longest: Sequence[int], beam: Beam
) -> list[list[Hypothesis]]:
    state, first = Heard([(source,) for source in sources]), torch.full((len(sources),), BEGIN)
    return beam_search(language.step, state, first, end=END, longest=longest, beam=beam)


def extensions(language: Language, source: int, prefix: tuple[int, ...], logprob: float) -> list:
    after = language.after((source, BEGIN, *prefix)).tolist()
    return [((*prefix, token), logprob + after[token]) for token in range(language.vocab)]


def every_answer(language: Language, source: int, longest: int, alpha: float) -> list[tuple]:
    """All (finished, score, ids), the best first."""
    answers, prefixes = [], [((), 0.0)]
    for length in range(1, longest + 1):
        longer = [e for prefix in prefixes for e in extensions(language, source, *prefix)]
        penalty = ((5 + length) / 6) ** alpha
        answers += [(True, p / penalty, ids) for ids, p in longer if ids[-1] == END]
        prefixes = [(ids, p) for ids, p in longer if ids[-1] != END]
    answers += [(False, p / ((5 + longest) / 6) ** alpha, ids) for ids, p in prefixes]
    return sorted(answers, reverse=True)


@settings(deadline=None, max_examples=30)
@given(vocabularies, lengths, alphas, seeds)
def test_a_beam_as_wide_as_the_language_finds_every_answer_in_its_order(
    vocab, longest, alpha, seed
):
    language = Language(vocab, seed)
    expected = every_answer(language, 5, longest, alpha)
    found = searched(language, [5], [longest], Beam(width=len(expected), alpha=alpha))[0]
    assert [(h.finished, h.ids) for h in found] == [(done, ids) for done, _, ids in expected]
    assert [h.score for h in found] == pytest.approx([score for _, score, _ in expected])
    assert sum(math.exp(h.logprob) for h in found) == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(vocabularies, st.integers(1, 8), alphas, seeds)
def test_a_beam_of_one_is_greedy(vocab, longest, alpha, seed):
    language, ids = Language(vocab, seed), ()
    while len(ids) < longest and END not in ids:
        ids = (*ids, int(language.after((5, BEGIN, *ids)).argmax()))
    (found,) = searched(language, [5], [longest], Beam(width=1, alpha=alpha))[0]
    assert found.ids == ids
    assert found.finished == (END in ids)


def plainly(language: Language, source: int, longest: int, beam: Beam) -> list[tuple]:
    """The search of one source, with lists."""

    def scored(found: list) -> list:
        return sorted(((p / length_penalty(len(ids), beam.alpha), ids) for ids, p in found))[::-1]

    def promising(finished: list, living: list) -> bool:
        needed = scored(finished)[beam.width - 1][0]
        return any(p / length_penalty(longest, beam.alpha) > needed for _, p in living)

    finished, living = [], [((), 0.0)]
    for _ in range(longest):
        ranked = sorted(
            (e for prefix in living for e in extensions(language, source, *prefix)),
            key=lambda extension: -extension[1],
        )
        finished += [e for e in ranked[: beam.width] if e[0][-1] == END]
        living = [e for e in ranked if e[0][-1] != END][: beam.width]
        if len(finished) >= beam.width and (beam.width == 1 or not promising(finished, living)):
            living = []
            break

    return [ids for _, ids in (scored(finished) + scored(living))[: beam.width]]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 9),
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 7)), min_size=1, max_size=4),
    st.integers(1, 5),
    alphas,
    seeds,
)
def test_every_source_is_searched_as_if_it_were_alone(vocab, sources, width, alpha, seed):
    language, beam = Language(vocab, seed), Beam(width=width, alpha=alpha)
    numbers, longest = zip(*sources, strict=True)
    found = searched(language, numbers, longest, beam)
    for hypotheses, (source, most) in zip(found, sources, strict=True):
        assert [h.ids for h in hypotheses] == plainly(language, source, most, beam)
        for hypothesis in hypotheses:
            steps = [
                float(language.after((source, BEGIN, *hypothesis.ids[:i]))[token])
                for i, token in enumerate(hypothesis.ids)
            ]
            assert hypothesis.logprob == pytest.approx(sum(steps))


class Table:
    """A first step, then a sure end: for sums done by hand."""

    def __init__(self, *steps: list[list[float]]) -> None:
        self.steps = [torch.tensor(step, dtype=torch.float64).log() for step in steps]

    def __call__(self, state: Heard, last: Tensor) -> Tensor:
        moment = len(state.rows[0])
        state.rows = [(*row, int(token)) for row, token in zip(state.rows, last, strict=True)]
        table = self.steps[moment]
        return table[last] if moment else table[torch.zeros_like(last)]


def by_hand(alpha: float) -> list[Hypothesis]:
    # Greedy says 1, then nothing likely; 2 is followed by a sure end.
    step = Table(
        [[0.0, 0.6, 0.4]],
        [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.99, 0.005, 0.005]],
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
    )
    first = torch.tensor([BEGIN])
    return beam_search(
        step, Heard([()]), first, end=END, longest=[5], beam=Beam(width=2, alpha=alpha)
    )[0]


def test_a_beam_finds_what_greed_misses():
    best = by_hand(alpha=0.0)[0]
    assert best.ids == (2, END)
    assert best.logprob == pytest.approx(math.log(0.4 * 0.99))
    assert best.score == best.logprob


def test_two_poor_ends_do_not_stop_a_prefix_that_may_still_win():
    # 2 ends soon, then 1 1 may end; going on is likelier than either.
    step = Table(
        [[0.0, 0.7, 0.3]],
        [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.9, 0.1, 0.0]],
        [[0.0, 0.0, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
    )
    beam = Beam(width=2, alpha=0.0)
    found = beam_search(step, Heard([()]), torch.tensor([BEGIN]), end=END, longest=[5], beam=beam)
    assert [hypothesis.ids for hypothesis in found[0]] == [(1, 1, 1, END), (2, END)]
    assert found[0][0].logprob == pytest.approx(math.log(0.7 * 0.9))


def test_scores_are_divided_by_the_penalty_at_the_end_token():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 0.5) == pytest.approx(math.sqrt(2))
    for hypothesis in by_hand(alpha=0.6):
        penalty = ((5 + len(hypothesis.ids)) / 6) ** 0.6
        assert hypothesis.score == pytest.approx(hypothesis.logprob / penalty)
        assert hypothesis.ids[-1] == END
        assert END not in hypothesis.ids[:-1]


def test_an_answer_that_ends_comes_before_one_that_was_cut_off():
    step = Table([[0.1, 0.9]], [[0.2, 0.8], [0.2, 0.8]])
    found = beam_search(
        step, Heard([()]), torch.tensor([BEGIN]), end=END, longest=[2], beam=Beam(width=3, alpha=0)
    )[0]
    assert [(h.ids, h.finished) for h in found] == [
        ((1, END), True),
        ((END,), True),
        ((1, 1), False),
    ]


def test_one_prefix_each_that_all_go_on_are_not_copied():
    class Unmoved(Heard):
        def select(self, rows: Sequence[int]) -> None:
            raise AssertionError(rows)

    step = Table([[0.1, 0.9]], [[0.2, 0.8]] * 2, [[0.9, 0.1]] * 2)
    first, state = torch.tensor([BEGIN] * 2), Unmoved([(), ()])
    found = beam_search(step, state, first, end=END, longest=[3, 3], beam=Beam(width=1))
    assert [hypotheses[0].ids for hypotheses in found] == [(1, 1, END)] * 2


def test_a_model_with_a_cache_is_searched(model):
    prompts, vocab = [[5, 9, 2, 7], [11, 3]], model.description.vocab

    def step(state, last: Tensor) -> Tensor:
        return read(model, last, state).log_softmax(-1)

    for width in (1, 4):
        _, state = prefill(model, [prompt[:-1] for prompt in prompts], 20)
        first = torch.tensor([prompt[-1] for prompt in prompts])
        found = beam_search(
            step, state, first, end=vocab - 1, longest=[6, 9], beam=Beam(width=width)
        )
        for prompt, longest, hypotheses in zip(prompts, (6, 9), found, strict=True):
            assert len({hypothesis.ids for hypothesis in hypotheses}) == width
            for hypothesis in hypotheses:
                row = [*prompt, *hypothesis.ids]
                places = range(len(prompt) - 1, len(row) - 1)
                scores = log_probabilities(model, [row], [Target(0, i, row[i + 1]) for i in places])
                assert hypothesis.logprob == pytest.approx(sum(s.logprob for s in scores), abs=1e-4)
                assert hypothesis.finished or len(hypothesis.ids) == longest
                if width == 1:
                    assert all(score.likeliest for score in scores)


def test_a_forbidden_token_is_never_said():
    language = Language(5, 3, banned=2)
    found = searched(language, [1, 2, 3], [6, 6, 6], Beam(width=4))
    assert all(2 not in hypothesis.ids for hypotheses in found for hypothesis in hypotheses)


def test_nothing_to_answer_is_answered_by_nothing():
    assert searched(Language(3, 0), [], [], Beam()) == []


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="Beam.width is 0"):
        Beam(width=0)
    with pytest.raises(ConfigError, match="Beam.alpha is -1"):
        Beam(alpha=-1.0)
    with pytest.raises(ConfigError, match=r"lengths \[3\] for 2 sources"):
        searched(Language(3, 0), [1, 2], [3], Beam())
    with pytest.raises(ConfigError, match="expected one of 1 or more"):
        searched(Language(3, 0), [1], [0], Beam())
    with pytest.raises(ConfigError, match="ends an answer in a vocabulary of 1"):
        searched(Language(1, 0), [1], [3], Beam())
    with pytest.raises(ModelError, match="NaN or all −inf"):
        beam_search(
            lambda state, last: torch.full((len(last), 3), torch.nan),
            Heard([(1,)]),
            torch.tensor([BEGIN]),
            end=END,
            longest=[3],
            beam=Beam(),
        )
