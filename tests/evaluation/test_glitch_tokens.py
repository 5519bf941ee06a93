"""Tokens that no text becomes, and rows that stand out."""

import pytest
import torch

from practicum.data.fetch import locate
from practicum.evaluation.glitch_tokens import Glitch, odd_norms, unreachable
from practicum.models.load import load
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.patterns import GPT2


def test_a_trained_tokenizer_has_none():
    assert unreachable(train_bpe(["the cat sat on the mat, 元始に元始に"], 275)) == []


def test_tokens_that_no_text_becomes_are_found():
    pieces = [b"a", b"b", b" ", b"ab", b"a b", b"ba", b"", b"\xe5", b"<|x|>"]
    # "a b" is cut by the pattern, nothing joins "ba", and 6 stands for nothing
    tokenizer = BPE(pieces, [(b"a", b"b")], pattern=GPT2, specials={"<|x|>": 8})
    assert unreachable(tokenizer) == [
        Glitch(4, "unreachable", (0, 2, 1)),
        Glitch(5, "unreachable", (1, 0)),
        Glitch(6, "unused", ()),
    ]


def test_rows_far_from_the_median_are_odd():
    rows = torch.nn.functional.normalize(torch.randn(1000, 8, generator=torch.Generator()))
    rows *= torch.linspace(0.99, 1.01, 1000)[:, None]
    rows[7] *= 3
    rows[500] *= 0.5
    found = odd_norms(rows)
    assert [row.id for row in found] == [7, 500]
    assert found[0].norm == pytest.approx(2.97, abs=0.01)
    assert found[0].deviations > 100
    assert found[1].deviations < -50
    assert [row.id for row in odd_norms(rows, leave_out={7})] == [500]
    assert odd_norms(torch.ones(4, 2)) == []


def test_the_longest_rows_of_a_real_model_are_beginnings_of_words():
    if locate("smollm2") is None:
        pytest.skip("smollm2 is not on this machine: practicum data add smollm2")
    loaded = load("smollm2")
    assert loaded.tokenizer is not None
    longest = [loaded.tokenizer.piece(row.id) for row in odd_norms(loaded.model.output_weight)[:2]]
    assert longest == [b" strugg", b" affili"]
