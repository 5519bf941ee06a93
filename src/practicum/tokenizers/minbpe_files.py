"""minbpe's pair of files (Karpathy 2024): `.model`, to be read back, and `.vocab`, for people.

    minbpe v1
    the split pattern; an empty line where there is none
    the number of special tokens, then a line for each: its text and id
    a line for each merge: the ids of its two tokens

Ids 0 to 255 are the bytes, and 256 + n is the n-th merge, so that only tokenizers trained by the
convention `MINBPE` can be written. An id between merges and special tokens that nobody uses has no
bytes. The pattern is one for the `regex` module, in a single line.
"""

from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.patterns import WHOLE, pattern_of
from practicum.tokenizers.whole_file import replace_file

_VERSION = "minbpe v1"
_END = "<|endoftext|>"


def load_minbpe(path: str | Path) -> BPE:
    """The tokenizer in a `.model` file; `<|endoftext|>`, where it is special, ends a text.

    Raises TokenizerError where the file is missing, or a line is not what it should be.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as problem:
        raise TokenizerError(f"cannot read {path}: {problem}") from problem
    if lines[0] != _VERSION or len(lines) < 3 or not lines[2].isdigit():
        raise TokenizerError(f"{path} is not a minbpe model: its first line is {lines[0][:40]!r}")
    first = 3 + int(lines[2])
    if len(lines) < first:
        raise TokenizerError(f"{path} ends before its {lines[2]} special tokens do")
    pieces = [bytes([byte]) for byte in range(256)]
    merges: list[tuple[bytes, bytes]] = []
    for number, line in enumerate(lines[first:], start=first + 1):
        ids = [int(word) if word.isdigit() else -1 for word in line.split(" ")]
        if len(ids) != 2 or not all(0 <= one < len(pieces) for one in ids):
            raise TokenizerError(
                f"{path}, line {number}: {line[:40]!r} is not two ids below {len(pieces)}, of "
                "which this merge is made"
            )
        left, right = (pieces[one] for one in ids)
        merges.append((left, right))
        pieces.append(left + right)
    specials = _specials(path, lines[3:first], len(pieces))
    pieces += [b""] * (max(specials.values(), default=-1) + 1 - len(pieces))
    for text, number in specials.items():
        pieces[number] = text.encode()
    pattern = pattern_of(lines[1]) if lines[1] else WHOLE
    return BPE(pieces, merges, pattern=pattern, specials=specials, end=specials.get(_END))


def save_minbpe(tokenizer: BPE, prefix: str | Path) -> None:
    """Write `<prefix>.model` and `<prefix>.vocab`.

    Raises TokenizerError where the ids are not minbpe's, or a text has no place in the format.
    """
    pieces = tokenizer.vocabulary()
    number = {piece: id for id, piece in reversed([*enumerate(pieces)]) if piece}
    expected = [bytes([byte]) for byte in range(256)] + [a + b for a, b in tokenizer.merges]
    if tokenizer.whole_first or pieces[: len(expected)] != expected:
        raise TokenizerError(
            "the ids are not minbpe's, which are the bytes, then the merges in their order; train "
            "with convention=MINBPE"
        )
    for text in tokenizer.specials:
        if text.split() != [text]:
            raise TokenizerError(f"a minbpe model cannot hold the special token {text!r}: a space")
    pattern = "" if tokenizer.pattern == WHOLE else tokenizer.pattern.unicode
    if "\n" in pattern or pattern != pattern.strip():
        raise TokenizerError(f"a minbpe model cannot hold the pattern {pattern!r}: not one line")
    specials = [f"{text} {id}" for text, id in tokenizer.specials.items()]
    merges = [f"{number[left]} {number[right]}" for left, right in tokenizer.merges]
    lines = [_VERSION, pattern, str(len(specials)), *specials, *merges]
    prefix = Path(prefix)
    replace_file(prefix.with_name(f"{prefix.name}.model"), "\n".join([*lines, ""]).encode())
    replace_file(prefix.with_name(f"{prefix.name}.vocab"), _for_people(tokenizer).encode())


def _specials(path: Path, lines: list[str], size: int) -> dict[str, int]:
    specials: dict[str, int] = {}
    for number, line in enumerate(lines, start=4):
        text, _, id = line.rpartition(" ")
        if not (text and id.isdigit()) or int(id) < size or int(id) in specials.values():
            raise TokenizerError(
                f"{path}, line {number}: {line[:40]!r} is not a special token and an id of its own "
                f"from {size} on"
            )
        specials[text] = int(id)
    return specials


def _for_people(tokenizer: BPE) -> str:
    lines: list[str] = []
    parts = {left + right: (left, right) for left, right in tokenizer.merges}
    for number, piece in enumerate(tokenizer.vocabulary()):
        halves = "".join(f"[{_shown(half)}]" for half in parts.get(piece, ()))
        arrow = " -> " if halves else ""
        lines.append(f"{halves}{arrow}[{_shown(piece)}] {number}")
    return "\n".join([*lines, ""])


def _shown(piece: bytes) -> str:
    """`piece` as text in which control characters are written by their numbers."""
    text = piece.decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
