"""Learning merges (Sennrich et al. 2016, algorithm 1), incrementally and in plain Python.

    repeat: the most frequent pair of neighbouring tokens becomes one token, everywhere

Counted are pairs within unique pieces, each weighted by how often it occurs, and a merge changes
only the pieces that hold it: `piece_counts` and `bpe_merging` are the two halves.
"""

from collections.abc import Iterable

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_merging import TOKENIZERS, Convention, merging_bytes
from practicum.tokenizers.patterns import GPT2, SplitPattern
from practicum.tokenizers.piece_counts import count_pieces

_LARGEST = 0x110000  # `chr` ends there


def train_bpe(
    texts: Iterable[str],
    vocab: int,
    *,
    pattern: SplitPattern = GPT2,
    specials: tuple[str, ...] = ("<|endoftext|>",),
    convention: Convention = TOKENIZERS,
    workers: int = 1,
    rarest: int = 1,
) -> BPE:
    """A tokenizer of exactly `vocab` ids: 256 bytes, then merges, then `specials`.

    The first special token ends a text. Texts of special tokens inside `texts` count as plain text.
    `workers` count in as many processes, with the same result. Pieces that occur less than `rarest`
    times are left out, which bounds memory; see `piece_counts`.

    Raises TokenizerError when `vocab` is below 256 + specials, or the texts support fewer merges.
    """
    if len(set(specials)) < len(specials):
        raise TokenizerError(f"a special token is named twice in {specials}")
    room = vocab - len(specials)
    if not 256 <= room < _LARGEST:
        raise TokenizerError(
            f"a vocabulary of {vocab} cannot hold 256 bytes and {len(specials)} special tokens; "
            f"ask for {256 + len(specials)} to {_LARGEST}"
        )
    counts = count_pieces(texts, pattern, workers=workers, rarest=rarest)
    pieces, merges = merging_bytes(counts, convention).until(room)
    if len(pieces) < room:
        raise TokenizerError(
            f"the texts support {len(pieces) - 256} merges, a vocabulary of "
            f"{len(pieces) + len(specials)}; {room - 256} merges were asked for "
            f"(vocabulary {vocab}): give more text or ask for a smaller vocabulary"
        )
    ids = {text: room + number for number, text in enumerate(specials)}
    pieces += [text.encode() for text in specials]
    return BPE(pieces, merges, pattern=pattern, specials=ids, end=room if specials else None)
