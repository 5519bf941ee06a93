"""Llama's and Gemma's kind of `tokenizer.json`: byte-pair encoding of characters, ▁ for a space.

    Llama 2, Mistral   a ▁ before every part of a text, ▁ for each space
    Gemma              ▁ for each space

With Llama's ▁ a part of a text that follows an added token comes back with a space in front, and a
text that begins with an added run of spaces with one less, there as here. Anything else is refused
by its name: such as the later Llama files, in which a text's first part alone gets a ▁.
"""

from collections.abc import Mapping
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.json_reading import (
    added,
    begin_of,
    check_added,
    check_bpe,
    end_of,
    steps_of,
    unsupported,
)
from practicum.tokenizers.metaspace_bpe import MetaspaceBPE
from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel, byte_text
from practicum.tokenizers.sentencepiece_normalizer import SPACE

_REFUSED = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
_BYTES = {byte_text(byte) for byte in range(256)}
_PREPEND = {"type": "Prepend", "prepend": SPACE}
_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
_SPLIT = {  # finds nothing, since no space is left
    "type": "Split",
    "pattern": {"String": " "},
    "behavior": "MergedWithPrevious",
    "invert": False,
}
_DECODERS = [
    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
]
_STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def is_metaspace(data: Mapping[str, Any]) -> bool:
    """Whether the parsed file holds a tokenizer of this kind: its spaces are replaced."""
    normalizers = steps_of(data.get("normalizer"), "normalizers")
    return isinstance(data.get("model"), Mapping) and _REPLACE in normalizers


def read_metaspace(
    data: Mapping[str, Any], configuration: Mapping[str, Any]
) -> MetaspaceBPE | WithAddedTokens:
    """The tokenizer of the parsed file, with the parsed `tokenizer_config.json` (or nothing).

    Raises TokenizerError, KeyError and TypeError as `json_reading.read_tokenizer`.
    """
    model, added_tokens = data["model"], data.get("added_tokens") or []
    check_bpe(
        model, ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
    )
    check_added(added_tokens)
    tokens = added(added_tokens)
    prefix = _prefix(data)
    for token in tokens:
        if token.normalized and (prefix or " " in token.text or SPACE in token.text):
            raise TokenizerError(
                f"the added token {token.text!r} is looked for in normalised text, which is not "
                'done here; make it "normalized": false'
            )
    fallback, unknown = bool(model.get("byte_fallback")), model.get("unk_token")
    if not (fallback or model.get("fuse_unk")):
        raise TokenizerError("a BPE model that does not fuse the unknown, which is not read here")
    pieces = _pieces(model["vocab"], tokens, unknown, fallback=fallback)
    specials = {token.text: token.id for token in tokens if token.special}
    begin = begin_of(steps_of(data.get("post_processor"), "processors"), configuration, specials)
    end = end_of(configuration, specials)
    tokenizer = MetaspaceBPE(
        SentencePieceModel(
            pieces=pieces,
            algorithm="bpe",
            byte_fallback=fallback,
            unknown=unknown,
            begin="" if begin is None else pieces[begin].text,
            end="" if end is None else pieces[end].text,
            dummy_prefix=prefix,
            remove_extra_spaces=False,
            prefix_parts=prefix,
        ),
        [_merge(merge) for merge in model["merges"]],
    )
    if all(token.special for token in tokens):
        return tokenizer
    return WithAddedTokens(tokenizer, [t for t in tokens if t.text != unknown])


def metaspace_data(tokenizer: MetaspaceBPE) -> dict[str, Any]:
    """What stands in a `tokenizer.json` of this tokenizer, but for what is around a text.

    Raises TokenizerError where no such file can say how it prepares text.
    """
    model = tokenizer.model
    plain = not (model.charsmap or model.remove_extra_spaces or model.any_space)
    if not plain or model.prefix_parts != model.dummy_prefix:
        raise TokenizerError(
            "a tokenizer.json of this kind changes no text but for spaces, and has a space before "
            "each part of a text or none; set the tokenizer's model so"
        )
    unknown = model.pieces[model.of(Kind.UNKNOWN)[0]].text
    return {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*([_PREPEND] if model.dummy_prefix else []), _REPLACE],
        },
        "pre_tokenizer": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [*_DECODERS, *([_STRIP] if model.dummy_prefix else [])],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": model.byte_fallback,
            "ignore_merges": False,
            "vocab": {piece.text: number for number, piece in enumerate(model.pieces)},
            "merges": [list(merge) for merge in tokenizer.merges],
        },
    }


def _prefix(data: Mapping[str, Any]) -> bool:
    """Whether each part of a text begins with a ▁ of its own."""
    normalizers = steps_of(data.get("normalizer"), "normalizers")
    if normalizers not in ([_REPLACE], [_PREPEND, _REPLACE]):
        raise unsupported("normalizer", normalizers)
    cutters = steps_of(data.get("pre_tokenizer"), "pretokenizers")
    if cutters not in ([], [_SPLIT]):
        raise unsupported("pre-tokenizer", cutters)
    prefix = len(normalizers) == 2
    decoders = steps_of(data.get("decoder"), "decoders")
    if decoders != [*_DECODERS, *([_STRIP] if prefix else [])]:
        raise unsupported("decoder", decoders)
    return prefix


def _pieces(
    vocabulary: Mapping[str, int], tokens: list[AddedToken], unknown: Any, *, fallback: bool
) -> tuple[Piece, ...]:
    if unknown not in vocabulary:
        raise TokenizerError(f"unk_token is {unknown!r}; expected a token of the vocabulary")
    ids = {**vocabulary, **{token.text: token.id for token in tokens}}
    by_id = {number: text for text, number in ids.items()}
    missing = next((number for number in range(len(ids)) if number not in by_id), None)
    if missing is not None:
        raise TokenizerError(f"no token has id {missing}, though there are {len(ids)} tokens")
    special = {token.text for token in tokens if token.special}

    def kind(text: str) -> Kind:
        if text == unknown:
            return Kind.UNKNOWN
        if text in special:
            return Kind.CONTROL
        return Kind.BYTE if fallback and text in _BYTES else Kind.NORMAL

    return tuple(Piece(text=by_id[n], kind=kind(by_id[n])) for n in range(len(ids)))


def _merge(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right
