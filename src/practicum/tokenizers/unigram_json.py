"""Unigram tokenizers in a `tokenizer.json`: how T5 and its relations come with `transformers`.

The model is a list of pieces and their scores. Around it stand SentencePiece's habits, said in one
of two ways, which read and write the same text:

    rules of characters, split at white space, a ▁ before each word              T5's own files
    rules, no spaces at the end, none doubled, a ▁ for each space and in front   newer conversions

Rules of characters apply and scores are summed here as in Google's library, of which theirs is an
approximation: combining characters, and which of two equally likely cuts is taken, may come out
otherwise. Anything else is refused by its name. A piece that goes
on after a word's end can never come up, since text is cut into words first.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import WithAddedTokens
from practicum.tokenizers.json_reading import added, check_added, role_of, steps_of, unsupported
from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel, byte_text
from practicum.tokenizers.sentencepiece_normalizer import SPACE, WHITE_SPACE, CharacterRules
from practicum.tokenizers.unigram import Unigram

_BYTES = {byte_text(byte) for byte in range(256)}
_STRIP = {"type": "Strip", "strip_left": False, "strip_right": True}
_ONE_SPACE = {"type": "Replace", "pattern": {"Regex": " {2,}"}}


def is_unigram(data: Mapping[str, Any]) -> bool:
    """Whether the parsed file holds a tokenizer of this kind."""
    model = data.get("model")
    return isinstance(model, Mapping) and model.get("type") == "Unigram"


def read_unigram(
    data: Mapping[str, Any], configuration: Mapping[str, Any]
) -> Unigram | WithAddedTokens:
    """The tokenizer of the parsed file, with the parsed `tokenizer_config.json` (or nothing).

    Raises TokenizerError, KeyError and TypeError as `json_reading.read_tokenizer`.
    """
    added_tokens = data.get("added_tokens") or []
    # The flags lstrip and rstrip say nothing here: spaces around an added token go in any case.
    check_added(added_tokens, ("single_word",))
    tokenizer = _tokenizer(data, configuration, added_tokens)
    tokens = [token for token in added(added_tokens) if token.text in tokenizer.specials]
    if all(token.special for token in tokens):
        return tokenizer
    late = next((token.text for token in tokens if token.normalized and not token.special), None)
    if late is not None and data.get("normalizer") is not None:
        raise TokenizerError(
            f"the added token {late!r} is looked for in normalised text, which is not done here; "
            'make it "normalized": false'
        )
    return WithAddedTokens(tokenizer, tokens)


def _tokenizer(
    data: Mapping[str, Any], configuration: Mapping[str, Any], tokens: list[dict[str, Any]]
) -> Unigram:
    """The tokenizer to which every added token is special."""
    model = data["model"]
    charsmap, any_space = _spaces(data)
    _check_decoder(steps_of(data.get("decoder"), "decoders"))
    ids = {token["content"]: token["id"] for token in tokens}
    unknown = model.get("unk_id")
    if type(unknown) is not int or not 0 <= unknown < len(model["vocab"]):
        raise TokenizerError(f"unk_id is {unknown!r}; expected the id of the unknown piece")
    pieces = _pieces(model["vocab"], unknown, ids, byte_fallback=bool(model.get("byte_fallback")))
    specials = {p.text: number for number, p in enumerate(pieces) if p.kind is Kind.CONTROL}
    begin, end = _around(steps_of(data.get("post_processor"), "processors"))
    closed = end is not None
    end = role_of(configuration, "eos", specials) if end is None else specials[end]
    return Unigram(
        SentencePieceModel(
            pieces=pieces,
            byte_fallback=bool(model.get("byte_fallback")),
            unknown=pieces[unknown].text,
            begin=begin or "",
            end="" if end is None else pieces[end].text,
            charsmap=charsmap,
            prefix_parts=True,
            any_space=any_space,
            closed=closed,
        )
    )


def unigram_data(tokenizer: Unigram) -> dict[str, Any]:
    """What a `tokenizer.json` of this tokenizer holds. Raises TokenizerError where none can."""
    model = tokenizer.model
    tidy = model.dummy_prefix and model.remove_extra_spaces and model.prefix_parts
    if not tidy or not (model.any_space or _all_become_spaces(model.charsmap)):
        raise TokenizerError(
            "a tokenizer.json of this kind has no spaces that stay as they are; set prefix_parts "
            "and any_space in the tokenizer's model, or save a .model file"
        )
    if model.of(Kind.USER_DEFINED):
        raise TokenizerError("a tokenizer.json has no user-defined symbols; save a .model file")
    metaspace = {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": "always",
        "split": True,
    }
    words = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    bytes_first = [{"type": "ByteFallback"}] if model.byte_fallback else []
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": text, **flags, "special": True}
            for text, number in sorted(tokenizer.specials.items(), key=lambda item: item[1])
        ],
        "normalizer": _normalizer(model),
        "pre_tokenizer": words if model.any_space else metaspace,
        "post_processor": _template(tokenizer),
        "decoder": {"type": "Sequence", "decoders": [*bytes_first, metaspace]},
        "model": {
            "type": "Unigram",
            "unk_id": model.of(Kind.UNKNOWN)[0],
            "vocab": [[piece.text, piece.score] for piece in model.pieces],
            "byte_fallback": model.byte_fallback,
        },
    }


def unigram_roles(tokenizer: Unigram) -> dict[str, str]:
    """The roles of tokens that `tokenizer_config.json` names for it besides begin and end."""
    roles = {"unk_token": tokenizer.model.pieces[tokenizer.model.of(Kind.UNKNOWN)[0]].text}
    return roles | ({"pad_token": "<pad>"} if "<pad>" in tokenizer.specials else {})


def _spaces(data: Mapping[str, Any]) -> tuple[bytes, bool]:
    """The rules of characters, and whether all white space counts as spaces."""
    normalizers = steps_of(data.get("normalizer"), "normalizers")
    cutters = steps_of(data.get("pre_tokenizer"), "pretokenizers")
    charsmap, rest = b"", normalizers
    if normalizers and normalizers[0]["type"] == "Precompiled":
        charsmap, rest = _charsmap(normalizers[0]["precompiled_charsmap"]), normalizers[1:]
    match cutters:
        case [{"type": "WhitespaceSplit"}, {"type": "Metaspace"} as metaspace]:
            any_space = True
        case [{"type": "Metaspace"} as metaspace]:
            any_space = False
        case _:
            raise unsupported("pre-tokenizer", cutters)
    scheme = metaspace.get("prepend_scheme")  # older files have a switch instead
    always = metaspace.get("add_prefix_space", True) if scheme is None else scheme == "always"
    if not always or metaspace.get("replacement") != SPACE or not metaspace.get("split", True):
        raise unsupported("pre-tokenizer", cutters)
    tidied = len(rest) == 2 and rest[0] == _STRIP and rest[1] in _single_spaces()
    if not tidied and not (any_space and not rest):
        raise unsupported("normalizer", normalizers)
    if not any_space and not _all_become_spaces(charsmap):
        raise TokenizerError(
            "white space at the end of a text goes, and the rules of normalisation leave some that "
            "is no space; that is not read here"
        )
    return charsmap, any_space


def _single_spaces() -> list[dict[str, Any]]:
    """Two spaces and more become one, be it written as itself already or not."""
    return [{**_ONE_SPACE, "content": content} for content in (" ", SPACE)]


def _charsmap(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as problem:
        raise TokenizerError(f"the rules of normalisation are not base64: {problem}") from problem


def _all_become_spaces(charsmap: bytes) -> bool:
    """Whether the rules leave no white space but spaces, so that it is no matter which of it goes.

    Google's own rules leave U+0085, a control character: a text that ends in it is cut otherwise.
    """
    rules = CharacterRules(charsmap) if charsmap else None
    others = WHITE_SPACE.replace("\x85", "")
    return rules is not None and not any(rules.match(one, 0)[0].strip(" ") for one in others)


def _pieces(
    vocabulary: Any, unknown: int, added: Mapping[str, int], *, byte_fallback: bool
) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for number, (text, score) in enumerate(vocabulary):
        kind = Kind.NORMAL
        if number == unknown:
            kind = Kind.UNKNOWN
        elif text in added:
            kind = Kind.CONTROL
        elif byte_fallback and text in _BYTES:
            kind = Kind.BYTE
        elif SPACE in text[1:]:
            kind = Kind.UNUSED
        if added.get(text, number) != number:
            raise TokenizerError(f"the added token {text!r} has the id {added[text]}, not {number}")
        pieces.append(Piece(text=text, score=_single(score), kind=kind))
    more = sorted((number, text) for text, number in added.items() if number >= len(vocabulary))
    for number, text in more:
        if number != len(pieces):
            raise TokenizerError(f"no token has id {len(pieces)}, and {text!r} has {number}")
        pieces.append(Piece(text=text, kind=Kind.CONTROL))
    strays = [t for t, n in added.items() if n < len(vocabulary) and pieces[n].text != t]
    if strays:
        raise TokenizerError(f"the added token {strays[0]!r} has the id of another piece")
    return tuple(pieces)


def _single(score: float) -> float:
    """`score` to 32 bits, as a model has it."""
    return struct.unpack("f", struct.pack("f", score))[0]


def _around(templates: list[dict[str, Any]]) -> tuple[str | None, str | None]:
    """The special tokens before and after every text."""
    if not templates:
        return None, None
    match [(step["type"], step.get("single")) for step in templates]:
        case [("TemplateProcessing", [{"Sequence": _}])]:
            return None, None
        case [("TemplateProcessing", [{"Sequence": _}, {"SpecialToken": {"id": str(end)}}])]:
            return None, end
        case [("TemplateProcessing", [{"SpecialToken": {"id": str(begin)}}, {"Sequence": _}])]:
            return begin, None
        case [
            (
                "TemplateProcessing",
                [
                    {"SpecialToken": {"id": str(begin)}},
                    {"Sequence": _},
                    {"SpecialToken": {"id": str(end)}},
                ],
            )
        ]:
            return begin, end
    raise unsupported("post-processor", templates)


def _check_decoder(decoders: list[dict[str, Any]]) -> None:
    kinds = [step["type"] for step in decoders]
    if kinds not in (["Metaspace"], ["ByteFallback", "Metaspace"]):
        raise unsupported("decoder", decoders)


def _normalizer(model: SentencePieceModel) -> dict[str, Any] | None:
    charsmap = base64.b64encode(model.charsmap).decode()
    rules = [{"type": "Precompiled", "precompiled_charsmap": charsmap}] if charsmap else []
    if not model.any_space:
        rules += [_STRIP, _single_spaces()[1]]
    return {"type": "Sequence", "normalizers": rules} if rules else None


def _template(tokenizer: Unigram) -> dict[str, Any] | None:
    ids = (tokenizer.begin, tokenizer.end if tokenizer.model.closed else None)
    names = [None if number is None else tokenizer.piece(number).decode() for number in ids]
    if names == [None, None]:
        return None

    def part(sequence: str, kind: int) -> list[dict[str, Any]]:
        begin, end = (
            [] if name is None else [{"SpecialToken": {"id": name, "type_id": kind}}]
            for name in names
        )
        return [*begin, {"Sequence": {"id": sequence, "type_id": kind}}, *end]

    return {
        "type": "TemplateProcessing",
        "single": part("A", 0),
        "pair": [*part("A", 0), *part("B", 0)],
        "special_tokens": {
            name: {"id": name, "ids": [number], "tokens": [name]}
            for name, number in zip(names, ids, strict=True)
            if name is not None
        },
    }
