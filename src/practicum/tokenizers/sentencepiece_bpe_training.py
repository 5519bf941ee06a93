"""Learning SentencePiece's byte-pair encoding: merges of characters within words.

The merges are those of `bpe_merging`, the more frequent character being the older one. A piece's
score is its place among the merges, negated; characters come behind them. Google's trainer cuts
words further apart (at digits, and where the script changes), so that its merges are others.
"""

from collections.abc import Iterable

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe_merging import Merging
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_corpus import covered, lossless_model, room, spaced_words


def train_sentencepiece_bpe(
    texts: Iterable[str], vocab: int, *, coverage: float = 1.0, workers: int = 1
) -> SentencePieceBPE:
    """A tokenizer of exactly `vocab` ids: <unk>, <s>, </s>, 256 bytes, merges, characters.

    It is lossless but for ▁: nothing is normalised, and characters not in `texts` become bytes, as
    do the rarest ones in them (see `covered`).
    Raises TokenizerError when `vocab` does not hold all characters, or the texts support fewer ids.
    """
    words, characters = covered(spaced_words(texts, workers=workers), coverage)
    wanted = room(vocab, characters)
    alphabet = list(characters)
    token = str.maketrans({character: chr(age) for age, character in enumerate(alphabet)})
    merging = Merging(
        [word.translate(token) for word in words], list(words.values()), alphabet, first_met=False
    )
    pieces, merges = merging.until(wanted)
    if len(pieces) < wanted:
        raise TokenizerError(
            f"the texts support {len(pieces)} pieces, a vocabulary of {259 + len(pieces)}; "
            f"{vocab} were asked for: give more text or ask for a smaller vocabulary"
        )
    ordered = [left + right for left, right in merges] + list(characters)
    scored = [(piece, -float(place)) for place, piece in enumerate(ordered)]
    return SentencePieceBPE(lossless_model(scored, algorithm="bpe"))
