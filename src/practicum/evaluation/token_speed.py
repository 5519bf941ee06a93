"""How fast a tokenizer encodes, beside how fast its pattern splits: nothing can be faster."""

from time import perf_counter
from typing import NamedTuple

from practicum.tokenizers.bpe import BPE


class Speed(NamedTuple):
    """Megabytes of UTF-8 a second, each measured once in this process."""

    encode_mb_per_s: float
    split_mb_per_s: float


def speed(tokenizer: BPE, text: str) -> Speed:
    """The speeds on `text`, whose pieces the tokenizer may remember from before."""
    size = len(text.encode()) / 1e6
    start = perf_counter()
    tokenizer.encode(text)
    between = perf_counter()
    tokenizer.pattern.split(text)
    return Speed(size / (between - start), size / (perf_counter() - between))
