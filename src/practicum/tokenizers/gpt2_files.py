"""GPT-2's pair of files: `encoder.json`, its tokens and ids, and `vocab.bpe`, its merges.

Both write bytes in GPT-2's alphabet (Radford et al. 2019, the released `encoder.py`).
"""

import json
from collections.abc import Mapping
from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import printable, unprintable
from practicum.tokenizers.patterns import GPT2, SplitPattern
from practicum.tokenizers.whole_file import replace_file

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
        _merges(merges, vocabulary),
        pattern=pattern,
        specials={_END: vocabulary[_END]} if _END in vocabulary else {},
        end=vocabulary.get(_END),
    )


def save_gpt2_files(tokenizer: BPE, encoder: str | Path, merges: str | Path) -> None:
    """Write the two files. The pattern has no place in them, and one special token at most has.

    Raises TokenizerError where the tokenizer is more than the files can say.
    """
    if tokenizer.whole_first or set(tokenizer.specials) - {_END}:
        raise TokenizerError(
            f"GPT-2's files hold merges and no special token but {_END}; save a tokenizer.json"
        )
    vocabulary: dict[str, int] = {}
    for number, piece in enumerate(tokenizer.vocabulary()):
        text = _END if number == tokenizer.specials.get(_END) else printable(piece)
        if not text or text in vocabulary:
            raise TokenizerError(f"token {number} is written {text!r}, which is no name of its own")
        vocabulary[text] = number
    lines = [f"{printable(left)} {printable(right)}" for left, right in tokenizer.merges]
    replace_file(Path(encoder), json.dumps(vocabulary).encode())
    replace_file(Path(merges), "\n".join(["#version: 0.2", *lines, ""]).encode())


def _merges(path: str | Path, vocabulary: Mapping[str, int]) -> list[tuple[bytes, bytes]]:
    """The merges, which together make all tokens; anything else is a hole in one of the files."""
    made = {token for token in vocabulary if len(token) == 1}
    merges: list[tuple[bytes, bytes]] = []
    lines = _text(path).removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if (number == 1 and line.startswith("#version")) or lines == [""]:
            continue
        left, _, right = line.partition(" ")
        if not (left and right) or " " in right:
            raise TokenizerError(f"{path}, line {number}: {line[:60]!r} is not two tokens")
        for token, lack in ((left, made), (right, made), (left + right, vocabulary)):
            if token not in lack:
                what = "no line before makes" if lack is made else "the vocabulary lacks"
                raise TokenizerError(f"{path}, line {number}, {line[:60]!r}: {what} {token!r}")
        made.add(left + right)
        merges.append((unprintable(left), unprintable(right)))
    if hole := next((token for token in vocabulary if token not in made and token != _END), None):
        raise TokenizerError(f"{path} has a hole: no line makes the token {hole!r}")
    return merges


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise TokenizerError(f"cannot read {path}: {problem}") from problem
