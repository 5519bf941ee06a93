"""Runs of spaces are one token, and every text comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.corpora import corpus
from practicum.errors import TokenizerError
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.whitespace_runs import saving, train_with_runs, with_runs

PROSE = "The quick brown fox jumps over the lazy dog; the dog sleeps. " * 5
CODE = "def f(x):\n    if x:\n        return [\n            x,\n        ]\n    return None\n"
PLAIN = train_bpe([PROSE], 290)
RUNS = with_runs(PLAIN)


@given(st.text(alphabet=st.sampled_from(" \n\tab é字"), max_size=80))
def test_every_text_comes_back(text: str):
    assert RUNS.decode(RUNS.encode(text)) == text


@pytest.mark.parametrize("length", range(2, 26))
def test_a_run_is_one_token(length: int):
    (run,) = RUNS.encode(" " * length)
    assert RUNS.piece(run) == b" " * length


def test_longer_runs_are_several_and_single_spaces_stay_with_their_words():
    assert len(RUNS.encode(" " * 27)) == 2
    assert RUNS.encode(PROSE) == PLAIN.encode(PROSE)
    assert RUNS.encode("x\n    y") == [
        *PLAIN.encode("x\n"),
        *RUNS.encode("    "),
        *PLAIN.encode("y"),
    ]


def test_a_run_that_is_a_piece_already_keeps_its_id():
    known = train_bpe(["a    b"] * 50, 259)
    run = next(n for n, piece in enumerate(known.vocabulary()) if piece == b"  ")
    assert with_runs(known).encode("  ") == [run]
    assert with_runs(known).size == 259 + 24 - sum(
        piece.strip(b" ") == b"" and len(piece) > 1 for piece in known.vocabulary()
    )


def test_the_end_of_a_text_stays_special():
    assert RUNS.end == PLAIN.end
    text = "<|endoftext|>    "
    assert RUNS.encode(text, specials=True)[0] == RUNS.end
    assert RUNS.end not in RUNS.encode(text)
    ids = RUNS.encode(CODE)
    decoder = stream_decoder(RUNS)
    assert "".join(map(decoder.push, ids)) + decoder.finish() == CODE


def test_a_trained_one_has_the_asked_size_and_no_merge_of_a_run():
    trained = train_with_runs([CODE * 9, PROSE], 310)
    assert trained.size == 310
    blanks = [p for p in trained.vocabulary() if len(p) > 1 and not p.strip(b" ")]
    assert sorted(map(len, blanks)) == list(range(2, 26))
    assert trained.decode(trained.encode(CODE)) == CODE


def test_code_needs_fewer_tokens_where_merges_were_learned_from_prose():
    source = [d.text for d in corpus("python").documents if d.id in ("heapq.py", "argparse.py")]
    measured = saving(source, PLAIN, RUNS)
    assert measured.with_runs < measured.without
    assert 0.2 < measured.share < 0.6
    assert measured.share == 1 - measured.with_runs / measured.without


def test_what_is_no_run_and_no_text_is_refused():
    with pytest.raises(TokenizerError, match="expected at least 2"):
        with_runs(PLAIN, 1)
    with pytest.raises(TokenizerError, match="no text"):
        saving([""], PLAIN, RUNS)
