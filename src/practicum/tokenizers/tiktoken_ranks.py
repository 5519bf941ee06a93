"""OpenAI's rank files: a line a token, its bytes in base64 and its rank (tiktoken's `.tiktoken`).

A rank is a token's id, and the order in which merges apply. Which two tokens a merge joined is not
said; it is what joining the token's own bytes by the lower ranks ends with. Not read: vocabularies
with tokens that no two others make.

Single bytes have ranks of their own, in the order of GPT-2's alphabet (`BYTE_ORDER`), so that the
id of a byte is not the byte.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.patterns import CL100K, SplitPattern
from practicum.tokenizers.whole_file import replace_file

GPT2_SPECIALS: Mapping[str, int] = {"<|endoftext|>": 50256}
CL100K_SPECIALS: Mapping[str, int] = {
    "<|endoftext|>": 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}


def load_ranks(
    path: str | Path,
    *,
    pattern: SplitPattern = CL100K,
    specials: Mapping[str, int] = CL100K_SPECIALS,
) -> BPE:
    """The tokenizer of a rank file, by default of GPT-4's. `<|endoftext|>` ends a text."""
    return tokenizer_from_ranks(read_ranks(path), pattern=pattern, specials=specials)


def tokenizer_from_ranks(
    ranks: Mapping[bytes, int], *, pattern: SplitPattern, specials: Mapping[str, int]
) -> BPE:
    """The tokenizer whose ids are `ranks` and `specials`; an id that neither uses has no bytes."""
    taken = {number: text.encode() for text, number in specials.items()}
    pieces = [b""] * (max([*ranks.values(), *taken], default=-1) + 1)
    for piece, number in ranks.items():
        pieces[number] = piece
    for number, piece in taken.items():
        if pieces[number]:
            raise TokenizerError(f"id {number} is both {piece!r} and {pieces[number]!r}")
        pieces[number] = piece
    end = specials.get("<|endoftext|>")
    merges = merges_of_ranks(ranks)
    return BPE(pieces, merges, pattern=pattern, specials=specials, end=end, whole_first=True)


def merges_of_ranks(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The two tokens that each longer token was joined from, in the order of rank.

    Raises TokenizerError at a token that the lower ranks do not bring down to two.
    """
    merges: list[tuple[bytes, bytes]] = []
    for token in sorted((one for one in ranks if len(one) > 1), key=ranks.__getitem__):
        parts = _joined_below(token, ranks)
        if len(parts) != 2 or any(part not in ranks for part in parts):
            raise TokenizerError(
                f"the token {token!r} of rank {ranks[token]} is not made of two of lower rank, "
                f"but of {parts}; this is not the vocabulary of a byte-level BPE"
            )
        merges.append((parts[0], parts[1]))
    return merges


def _joined_below(token: bytes, ranks: Mapping[bytes, int]) -> list[bytes]:
    """The bytes of `token`, joined as long as there is a pair of lower rank than the token's."""
    never = ranks[token]
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        possible = [ranks.get(left + right, never) for left, right in pairwise(parts)]
        lowest = min(possible)
        if lowest >= never:
            break
        at = possible.index(lowest)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def byte_permutation(ranks: Mapping[bytes, int]) -> bytes:
    """The bytes in the order of their ranks; for every vocabulary of OpenAI this is `BYTE_ORDER`.

    Raises TokenizerError where the ranks 0 to 255 are not the 256 bytes.
    """
    single = {rank: piece for piece, rank in ranks.items() if len(piece) == 1}
    if sorted(single) != list(range(256)):
        raise TokenizerError("the ranks 0 to 255 are not those of the 256 bytes")
    return b"".join(single[rank] for rank in range(256))


def read_ranks(path: str | Path) -> dict[bytes, int]:
    """Tokens and their ranks, from a rank file that may be gzipped.

    Raises TokenizerError where the file cannot be read, or a line is not a token and a new rank.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as problem:
        raise TokenizerError(f"cannot read {path}: {problem}") from problem
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if not line:
            continue
        try:
            text, rank = line.split()
            token = base64.b64decode(text, validate=True)
            if not token or token in ranks or not rank.isdigit():
                raise ValueError
        except (ValueError, binascii.Error):
            raise TokenizerError(
                f"{path}, line {number}: {line[:60]!r} is not a new token in base64 and its rank"
            ) from None
        ranks[token] = int(rank)
    if len(set(ranks.values())) < len(ranks):
        raise TokenizerError(f"{path} gives a rank to two tokens")
    return ranks


def write_ranks(tokenizer: BPE, path: str | Path) -> None:
    """Write the rank file of `tokenizer`; its special tokens and pattern have no place in it.

    Raises TokenizerError where the order of the ids is not that of the merges.
    """
    path, reserved = Path(path), set(tokenizer.specials.values())
    ranks = {
        piece: number
        for number, piece in enumerate(tokenizer.vocabulary())
        if piece and number not in reserved
    }
    if merges_of_ranks(ranks) != list(tokenizer.merges):
        raise TokenizerError("the tokenizer's ids do not rank its merges, so ranks cannot hold it")
    lines = [b"%s %d\n" % (base64.b64encode(piece), rank) for piece, rank in ranks.items()]
    replace_file(path, b"".join(lines))
