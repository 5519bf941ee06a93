"""Tokenizers as files: Hugging Face's `tokenizer.json`, read and written.

Read are byte-level BPE files: GPT-2's kind, Llama 3's (a split pattern, then bytes), SmolLM's
(digits singly, then GPT-2), and our own `ByteTokenizer`, also after a normal form of Unicode; and
those of the kinds of T5 (`unigram_json`), Llama and Gemma (`metaspace_json`). Anything else that
would change text or split it in another way is refused by its name, never approximated. Added
tokens that are not special are tokens in every text (`added_tokens`).

The file does not say which token ends a text; `tokenizer_config.json` beside it does, and is
written and read along.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.json_reading import read_tokenizer
from practicum.tokenizers.metaspace_bpe import MetaspaceBPE
from practicum.tokenizers.metaspace_json import is_metaspace, metaspace_data, read_metaspace
from practicum.tokenizers.patterns import GPT2, SMOL
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.unigram import Unigram
from practicum.tokenizers.unigram_json import (
    is_unigram,
    read_unigram,
    unigram_data,
    unigram_roles,
)
from practicum.tokenizers.whole_file import replace_file

Read = BPE | ByteTokenizer | MetaspaceBPE | Unigram | WithAddedTokens
"""What a `tokenizer.json` can hold."""

# In Oniguruma repeated repetition, and the end of the text or before its last newline.
_READ_OTHERWISE = re.compile(r"\{[\d,]+\}\+|\\Z")


def load_tokenizer(path: str | Path) -> Read:
    """The tokenizer in a `tokenizer.json`, or in the folder that holds one.

    Raises TokenizerError where the file is missing, not JSON, or of a kind that is not read here.
    """
    file = _file(path)
    data, configuration = _json(file), _configuration(file)
    try:
        if is_unigram(data):
            return read_unigram(data, configuration)
        read = read_metaspace if is_metaspace(data) else read_tokenizer
        return read(data, configuration)
    except TokenizerError as problem:
        raise TokenizerError(f"{file}: {problem}") from problem
    except KeyError as problem:
        raise TokenizerError(f"{file} is not a tokenizer.json: it lacks {problem}") from problem
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        raise TokenizerError(f"{file} is not a tokenizer.json: {problem}") from problem


def save_tokenizer(tokenizer: Tokenizer, path: str | Path) -> None:
    """Write `tokenizer.json` (to `path`, or into it if it is a folder) and its configuration.

    Each file is replaced at once: a reader or a crash never sees half of one. What else stands in
    the configuration (a chat template, for one) stays.
    """
    file = _file(path)
    inner = tokenizer.tokenizer if isinstance(tokenizer, WithAddedTokens) else tokenizer
    if isinstance(inner, BPE):
        data = _bpe_data(inner)
    elif isinstance(inner, ByteTokenizer):
        data = _bytes_data(inner)
    elif isinstance(inner, Unigram):
        data = unigram_data(inner)
    elif isinstance(inner, MetaspaceBPE):
        data = _around(inner) | metaspace_data(inner)
    else:
        kind = type(inner).__name__
        raise TokenizerError(
            f"a {kind} cannot be written as tokenizer.json; BPE, bytes and Unigram can"
        )
    if isinstance(tokenizer, WithAddedTokens):
        data |= _before_it_cuts(tokenizer)
    roles = _roles(tokenizer)
    if isinstance(inner, Unigram):
        roles |= unigram_roles(inner)
    _write(_configuration_file(file), _configuration(file) | roles)
    _write(file, data)


# Files


def _file(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".json" else path / "tokenizer.json"


def _configuration_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}_config.json")


def _configuration(file: Path) -> dict[str, Any]:
    beside = _configuration_file(file)
    return _json(beside) if beside.exists() else {}


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise TokenizerError(f"cannot read {file}: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:  # ValueError: neither JSON nor UTF-8
        raise TokenizerError(f"{file} is truncated or not JSON: {problem}") from problem
    if not isinstance(data, dict):
        raise TokenizerError(f"{file} holds a {type(data).__name__}, expected an object")
    return data


def _write(file: Path, data: dict[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise TokenizerError(f"cannot write {file}: {problem.strerror}") from problem
    replace_file(file, json.dumps(data, ensure_ascii=False, indent=1).encode())


def _bpe_data(tokenizer: BPE) -> dict[str, Any]:
    byte_level = _byte_level(use_regex=tokenizer.pattern in (GPT2, SMOL))
    if tokenizer.pattern == GPT2:
        pre_tokenizer = byte_level
    else:
        if tokenizer.pattern == SMOL:
            split: dict[str, Any] = {"type": "Digits", "individual_digits": True}
        else:
            if told := _READ_OTHERWISE.search(tokenizer.pattern.unicode):
                raise TokenizerError(
                    f"the split pattern has {told.group()!r}, which means something else in a "
                    "tokenizer.json; write it in another way"
                )
            expression = {"Regex": tokenizer.pattern.unicode}
            split = {"type": "Split", "pattern": expression, "behavior": "Isolated"}
            split["invert"] = False
        pre_tokenizer = {"type": "Sequence", "pretokenizers": [split, byte_level]}
    merges = [f"{printable(left)} {printable(right)}" for left, right in tokenizer.merges]
    return _data(tokenizer, merges, pre_tokenizer, ignore_merges=tokenizer.whole_first)


def _bytes_data(tokenizer: ByteTokenizer) -> dict[str, Any]:
    return _data(tokenizer, [], _byte_level(use_regex=False), ignore_merges=False)


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def _data(
    tokenizer: BPE | ByteTokenizer,
    merges: list[str],
    pre_tokenizer: dict[str, Any],
    *,
    ignore_merges: bool,
) -> dict[str, Any]:
    return _around(tokenizer) | {
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "decoder": _byte_level(use_regex=True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": ignore_merges,
            "vocab": _vocabulary(tokenizer),
            "merges": merges,
        },
    }


def _around(tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(_all_special(tokenizer)),
        "post_processor": _post_processor(tokenizer),
    }


def _vocabulary(tokenizer: Tokenizer) -> dict[str, int]:
    text_of = {number: text for text, number in tokenizer.specials.items()}
    vocabulary: dict[str, int] = {}
    for number, piece in enumerate(tokenizer.vocabulary()):
        text = text_of.get(number) or printable(piece)
        if text in vocabulary:
            raise TokenizerError(
                f"tokens {vocabulary[text]} and {number} are both written {text!r} in a "
                "tokenizer.json; give the special token another text"
            )
        vocabulary[text] = number
    return vocabulary


def _all_special(tokenizer: Tokenizer) -> list[AddedToken]:
    return [
        AddedToken(text=text, id=number, special=True, normalized=False)
        for text, number in tokenizer.specials.items()
    ]


def _added(tokens: Iterable[AddedToken]) -> list[dict[str, Any]]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False}
    return [
        {
            "id": token.id,
            "content": token.text,
            **flags,
            "normalized": token.normalized,
            "special": token.special,
        }
        for token in tokens
    ]


def _before_it_cuts(tokenizer: WithAddedTokens) -> dict[str, Any]:
    form = {"normalizer": {"type": tokenizer.form}} if tokenizer.form else {}
    return {"added_tokens": _added(tokenizer.tokens), **form}


def _post_processor(tokenizer: Tokenizer) -> dict[str, Any] | None:
    if tokenizer.begin is None:
        return None
    text = tokenizer.piece(tokenizer.begin).decode()
    first = {"SpecialToken": {"id": text, "type_id": 0}}
    token = {"id": text, "ids": [tokenizer.begin], "tokens": [text]}
    return {
        "type": "TemplateProcessing",
        "single": [first, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [
            first,
            {"Sequence": {"id": "A", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
        ],
        "special_tokens": {text: token},
    }


def _roles(tokenizer: Tokenizer) -> dict[str, Any]:
    data: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,  # true would lose spaces before punctuation
    }
    if tokenizer.end is not None:
        data["eos_token"] = tokenizer.piece(tokenizer.end).decode()
    if tokenizer.begin is not None:
        data["bos_token"] = tokenizer.piece(tokenizer.begin).decode()
    return data
