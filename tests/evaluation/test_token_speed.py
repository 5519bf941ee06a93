"""Speeds are measured, not judged."""

from practicum.evaluation.token_speed import speed
from practicum.tokenizers.bpe_training import train_bpe


def test_encoding_takes_longer_than_splitting_by_much_less_than_for_ever():
    text = "the cat sat on the mat " * 2000
    found = speed(train_bpe([text], 265), text)
    assert 0.001 < found.encode_mb_per_s < 10_000
    assert 0.001 < found.split_mb_per_s < 10_000
