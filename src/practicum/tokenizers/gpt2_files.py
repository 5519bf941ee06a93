"""GPT-2's pair of files: `encoder.json`, its tokens and ids, and `vocab.bpe`, its merges.

Both write bytes in GPT-2's alphabet (Radford et al. 2019, the released `encoder.py`).
"""

import json
from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import unprintable
from practicum.tokenizers.patterns import GPT2, SplitPattern

_END = "<|endoftext|>"


def load_gpt2_files(
    encoder: str | Path, merges: str | Path, *, pattern: SplitPattern = GPT2
) -> BPE:
    """The tokenizer in the two files; `<|endoftext|>`, where the vocabulary has it, is special.

    Raises TokenizerError where a file is missing or is not of this kind.
    """
    try:
        vocabulary = json.loads(_text(encoder))
    except ValueError as problem:
        raise TokenizerError(f"{encoder} is truncated or not JSON: {problem}") from problem
    if not isinstance(vocabulary, dict):
        raise TokenizerError(f"{encoder} holds no object of tokens and ids")
    if sorted(vocabulary.values(), key=str) != sorted(range(len(vocabulary)), key=str):
        raise TokenizerError(f"the ids in {encoder} are not 0 to {len(vocabulary) - 1}")
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    return BPE(
        [token.encode() if token == _END else unprintable(token) for token in tokens],
        _merges(merges),
        pattern=pattern,
        specials={_END: vocabulary[_END]} if _END in vocabulary else {},
        end=vocabulary.get(_END),
    )


def _merges(path: str | Path) -> list[tuple[bytes, bytes]]:
    merges: list[tuple[bytes, bytes]] = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        left, _, right = line.partition(" ")
        if not (left and right) or " " in right:
            raise TokenizerError(f"{path}, line {number}: {line[:60]!r} is not two tokens")
        merges.append((unprintable(left), unprintable(right)))
    return merges


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise TokenizerError(f"cannot read {path}: {problem}") from problem
