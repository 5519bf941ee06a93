import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.decoding.language_model import LanguageModel
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.decoding.sharing import families, rows_of
from practicum.decoding.windows import Pair, Window, windows
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.tokenizers.bytes import ByteTokenizer

PAIRS = [
    ("It was the age of", " wisdom"),
    ("It was the age of", " foolishness, so they say"),
    ("", "It was the worst of times"),
    ("open at 7;", " 日本語も少し"),
    ("It was the age of", " x"),
    ("It was the age", ""),
    ("x", "y"),
]


@pytest.fixture
def lm(model, tokenizer):
    return LanguageModel(model, tokenizer, reach=Reach(rows=3))


def _directly(lm, ids, start):
    with torch.no_grad():
        logs = lm.model(torch.tensor([ids[:-1]])).log_softmax(-1)[0]
    return [logs[t - 1, ids[t]].item() for t in range(start, len(ids))]


def test_likelihoods_are_those_of_one_reading_of_the_joint_text(lm, tokenizer):
    for (context, continuation), found in zip(PAIRS, lm.loglikelihood(PAIRS), strict=True):
        ids = tokenizer.encode(context + continuation)
        before = len(tokenizer.encode(context))
        assert ids[:before] == tokenizer.encode(context)  # no token of these spans the seam
        if not context:
            ids, before = [tokenizer.end, *ids], 1
        expected = _directly(lm, ids, before)
        assert found.tokens == pytest.approx(expected, abs=1e-5)
        assert found.total == pytest.approx(math.fsum(expected), abs=1e-5)


def test_neither_company_nor_order_matters(lm):
    together = lm.loglikelihood(PAIRS)
    backwards = lm.loglikelihood(PAIRS[::-1])[::-1]
    for pair, one, other in zip(PAIRS, together, backwards, strict=True):
        (alone,) = lm.loglikelihood([pair])
        for likelihood in (one, other):
            assert likelihood.tokens == pytest.approx(alone.tokens, abs=1e-5)
            assert likelihood.greedy == alone.greedy


def test_greedy_says_whether_every_token_is_the_likeliest(lm, tokenizer):
    text = "It was the best of times, it was the worst of times, it was the age"
    contexts = [text[:end] for end, letter in enumerate(text) if letter == " "]
    verdicts = set()
    for context in contexts:
        ids = tokenizer.encode(context)
        with torch.no_grad():
            best = lm.model(torch.tensor([ids]))[0, -1].argmax().item()
        for continuation in (tokenizer.decode([best % tokenizer.size]), " wisdom"):
            joint = tokenizer.encode(context + continuation)
            if joint[: len(ids)] == ids:
                (found,) = lm.loglikelihood([(context, continuation)])
                verdicts.add(found.greedy)
                assert found.greedy == (joint == [*ids, best])
    assert verdicts == {True, False}


def test_a_token_across_the_seam_is_scored_whole(lm, tokenizer):
    (found,) = lm.loglikelihood([("It was the ", "age")])
    ids = tokenizer.encode("It was the age")
    assert tokenizer.piece(ids[-1]) == b" age"
    assert found.tokens == pytest.approx(_directly(lm, ids, len(ids) - 1), abs=1e-5)


def test_a_begin_token_stands_before_every_text(model, tokenizer):

    lm = LanguageModel(model, tokenizer)
    begin = tokenizer.encode("x")[0]
    tokenizer.begin, before = begin, tokenizer.begin
    try:
        found = lm.loglikelihood([("It", " was"), ("", "It")])
        assert lm.encode_prompt("It")[0] == begin
    finally:
        tokenizer.begin = before
    it, was = tokenizer.encode("It"), tokenizer.encode(" was")
    expected = _directly(lm, [begin, *it, *was], 1 + len(it))
    assert found[0].tokens == pytest.approx(expected, abs=1e-5)
    assert found[1].tokens == pytest.approx(_directly(lm, [begin, *it], 1), abs=1e-5)


def test_a_first_token_without_anything_before_it_is_refused():
    tokenizer = ByteTokenizer(specials=())
    lm = LanguageModel(
        build(gpt2(width=16, depth=1, heads=2, vocab=tokenizer.size, context=16)), tokenizer
    )
    with pytest.raises(ModelError, match="give a context"):
        lm.loglikelihood([("", "x")])
    with pytest.raises(ModelError, match="the prompt is empty"):
        list(lm.generate([""], Sampling()))


def test_candidates_of_one_token_share_one_reading(lm, tokenizer, monkeypatch):
    rows = []
    hidden = lm.model.hidden
    monkeypatch.setattr(
        lm.model, "hidden", lambda ids, state=None: rows.append(len(ids)) or hidden(ids, state)
    )
    found = lm.loglikelihood([("It was the", " age"), ("It was the", " of"), ("It was", " the")])
    assert [len(likelihood.tokens) for likelihood in found] == [1, 1, 1]
    assert rows == [1]


@settings(deadline=None)
@given(
    length=st.integers(2, 60),
    start=st.integers(1, 60),
    context=st.integers(1, 20),
    stride=st.integers(1, 20),
)
def test_windows_score_every_token_once_with_enough_before_it(length, start, context, stride):
    start, stride = min(start, length), min(stride, context)
    pair = Pair(tuple(range(length)), start)
    scored = []
    for window in windows(pair, 0, context, stride):
        assert len(window.ids) - 1 <= context
        assert window.start >= 1
        assert window.ids[window.start] == start + window.at
        for token in window.ids[window.start :]:
            before = token - window.ids[0]
            assert before == token or before > context - stride
        scored += window.ids[window.start :]
    assert scored == list(range(start, length))


@settings(deadline=None)
@given(
    rows=st.lists(
        st.lists(st.integers(0, 1), min_size=2, max_size=9).flatmap(
            lambda end: st.tuples(st.integers(60, 100), st.just(end), st.integers(1, 60))
        ),
        max_size=12,
    ),
    limit=st.integers(1, 5),
)
def test_families_hold_every_window_once_and_share_only_what_is_equal(rows, limit):
    asked = []
    for i, (head, tail, start) in enumerate(rows):
        ids = (*[7] * head, *tail)
        asked.append(Window(ids, min(start, len(ids) - 1), i, 0))
    found = []
    for family in families(rows_of(asked), Reach(rows=limit)):
        assert 1 <= len(family.rows) <= limit
        assert len({row.ids[: family.shared] for row in family.rows}) == 1
        for row in family.rows:
            for window in row.windows:
                found.append(window.pair)
                assert window.ids[:-1] == row.ids[: len(window.ids) - 1]
                assert family.shared < window.start
    assert sorted(found) == list(range(len(rows)))


def test_a_long_common_context_is_read_once(lm, monkeypatch):
    context = "It was the age of wisdom; 7 × 日本語 🙂" + ", so they say" * 9
    pairs = [(context, end) for end in (" wisdom", " foolishness", " of", " x y z", " times")]
    pairs += [("Naïve cafés", " open"), (context + " 🙃 foolish", " times")]
    alone = [lm.loglikelihood([pair])[0] for pair in pairs]
    read = []
    hidden = lm.model.hidden
    monkeypatch.setattr(
        lm.model, "hidden", lambda ids, state=None: read.append(ids.numel()) or hidden(ids, state)
    )
    for one, other in zip(lm.loglikelihood(pairs), alone, strict=True):
        assert one.tokens == pytest.approx(other.tokens, abs=1e-5)
        assert one.greedy == other.greedy
    tokens = len(lm.tokenizer.encode(context))
    assert tokens > 64
    assert sum(read) < 4 * tokens  # seven texts, six of them with the context


def test_a_text_beyond_the_context_is_scored_in_windows(model, tokenizer):
    text = "It was the age of wisdom; " * 20
    lm = LanguageModel(model, tokenizer, reach=Reach(rows=2, stride=40))
    ids = [tokenizer.end, *tokenizer.encode(text)]
    expected = []
    for window in windows(Pair(tuple(ids), 1), 0, lm.context, 40):
        expected += _directly(lm, list(window.ids), window.start)
    (found,) = lm.loglikelihood([("", text)])
    assert len(found.tokens) == len(ids) - 1
    assert found.tokens == pytest.approx(expected, abs=1e-5)


def test_a_long_context_keeps_its_nearest_tokens(model, tokenizer):
    lm = LanguageModel(model, tokenizer)
    context = "Naïve " * 100 + "It was the age of"
    (found,) = lm.loglikelihood([(context, " wisdom")])
    ids = tokenizer.encode(context + " wisdom")[-lm.context - 1 :]
    count = len(tokenizer.encode(" wisdom"))
    assert found.tokens == pytest.approx(_directly(lm, ids, len(ids) - count), abs=1e-5)


def test_pieces_of_logits_do_not_matter(lm, monkeypatch):
    whole = lm.loglikelihood(PAIRS)
    monkeypatch.setattr("practicum.decoding.model.PIECE", 3 * lm.model.description.vocab)
    for one, other in zip(whole, lm.loglikelihood(PAIRS), strict=True):
        assert one.tokens == pytest.approx(other.tokens, abs=1e-6)


def test_a_reach_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="Reach.rows is 0"):
        Reach(rows=0)
