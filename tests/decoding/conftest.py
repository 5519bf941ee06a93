import pytest
from loud import loud

from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

PROSE = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness. Naïve cafés — “so they say” — open at 7; 日本語も少し。 Ünïcödé 🙂🙃 "
    "everywhere. "
)


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE with merges across many of the words below."""
    return train_bpe([PROSE * 3], vocab=330)


@pytest.fixture(scope="session", params=["gpt2", "llama"])
def model(request, tokenizer):
    """Random weights in float64, so that rounding cannot tip a choice; context 96."""
    if request.param == "gpt2":
        decoder = gpt2(width=32, depth=2, heads=4, vocab=tokenizer.size, context=96)
    else:
        decoder = llama(
            width=32, depth=2, heads=4, kv_heads=2, hidden=48, vocab=tokenizer.size + 6, context=96
        )
    return loud(decoder, times=6.0)


@pytest.fixture(scope="session")
def byte_tokenizer():
    return ByteTokenizer()
