"""The tokenizer inside a GGUF file's metadata (keys `tokenizer.ggml.…`; GGUF specification, v3).

Read are the model `gpt2`, which is every byte-level BPE, and `llama`, which is SentencePiece's BPE
(Llama 2, Gemma). How the former splits text is only named there (`tokenizer.ggml.pre`), after
llama.cpp's table; an unknown name is refused, since guessing would give plausible ids and a subtly
worse model. Files from before the field are split as GPT-2.
"""

from collections.abc import Mapping
from typing import Any

from practicum.errors import TokenizerError, UnknownName
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import unprintable
from practicum.tokenizers.patterns import GPT2, GPT4, QWEN2, SMOL
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel
from practicum.tokenizers.sentencepiece_normalizer import SPACE

_PATTERNS = {
    **dict.fromkeys(("default", "gpt-2", "mpt", "olmo", "phi-2"), GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell"), SMOL),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe"), GPT4),
    **dict.fromkeys(("qwen2", "stablelm2", "deepseek-r1-qwen"), QWEN2),
}
_LLAMA3 = ("llama-bpe", "llama3", "llama-v3")  # whole tokens first; a text begins with a token


def tokenizer_from_gguf(metadata: Mapping[str, Any]) -> BPE | SentencePieceBPE | WithAddedTokens:
    """The tokenizer that `metadata` (plain values or arrays by key) describes.

    Control tokens are its specials; user-defined ones are found in any text. Raises TokenizerError
    where a key is missing or the model or the way of splitting is not one of those known here.
    """
    match metadata.get("tokenizer.ggml.model"):
        case "gpt2":
            return _byte_level(metadata)
        case "llama":
            return _sentencepiece(metadata)
        case None:
            raise TokenizerError("the GGUF metadata has no tokenizer")
        case model:
            raise TokenizerError(
                f"the GGUF tokenizer is of model '{model}'; 'gpt2' (byte-level BPE) and 'llama' "
                "(SentencePiece BPE) are read"
            )


def _byte_level(metadata: Mapping[str, Any]) -> BPE | WithAddedTokens:
    pre = str(metadata.get("tokenizer.ggml.pre", "default"))
    if pre not in _PATTERNS:
        raise UnknownName("way of splitting text in GGUF (tokenizer.ggml.pre)", pre, _PATTERNS)
    tokens = [str(token) for token in _needed(metadata, "tokens")]
    added = [
        AddedToken(text=token, id=number, special=kind is Kind.CONTROL, normalized=False)
        for number, (token, kind) in enumerate(zip(tokens, _kinds(metadata), strict=True))
        if kind in (Kind.CONTROL, Kind.USER_DEFINED)  # written as they are
    ]
    specials = {token.text: token.id for token in added}
    reserved = set(specials.values())
    tokenizer = BPE(
        [t.encode() if n in reserved else unprintable(t) for n, t in enumerate(tokens)],
        [_merge(str(merge)) for merge in _needed(metadata, "merges")],
        pattern=_PATTERNS[pre],
        specials=specials,
        end=_id(metadata, "eos"),
        begin=_id(metadata, "bos") if _begins(metadata, pre) else None,
        whole_first=pre in _LLAMA3,
    )
    plain = any(not token.special for token in added)
    return WithAddedTokens(tokenizer, added) if plain else tokenizer


def _sentencepiece(metadata: Mapping[str, Any]) -> SentencePieceBPE:
    tokens = [str(token) for token in _needed(metadata, "tokens")]
    scores = [float(score) for score in _needed(metadata, "scores")]
    if len(scores) != len(tokens):
        raise TokenizerError(f"the GGUF has {len(tokens)} tokens, but scores of {len(scores)}")
    kinds = _kinds(metadata)
    unknown = _id(metadata, "unknown")
    if Kind.UNKNOWN not in kinds and unknown is not None and 0 <= unknown < len(tokens):
        kinds[unknown] = Kind.UNKNOWN  # Gemma 3's converter calls it a control token
    pieces = tuple(
        Piece(
            # llama.cpp looks for these in text with spaces, SentencePiece in text with ▁.
            text=token.replace(" ", SPACE) if kind is Kind.USER_DEFINED else token,
            score=score,
            kind=kind,
        )
        for token, score, kind in zip(tokens, scores, kinds, strict=True)
    )
    begin = _id(metadata, "bos") if metadata.get("tokenizer.ggml.add_bos_token", True) else None
    end = _id(metadata, "eos")
    for role, number in (("begin", begin), ("end", end)):
        if number is not None and not 0 <= number < len(tokens):
            raise TokenizerError(f"the {role} id is {number}; there are {len(tokens)} tokens")
    return SentencePieceBPE(
        SentencePieceModel(
            pieces=pieces,
            algorithm="bpe",
            byte_fallback=Kind.BYTE in kinds,
            begin="" if begin is None else tokens[begin],
            end="" if end is None else tokens[end],
            dummy_prefix=bool(metadata.get("tokenizer.ggml.add_space_prefix", True)),
            remove_extra_spaces=bool(
                metadata.get("tokenizer.ggml.remove_extra_whitespaces", False)
            ),
        )
    )


def _kinds(metadata: Mapping[str, Any]) -> list[Kind]:
    """What the tokens are for; GGUF numbers this as SentencePiece does."""
    count = len(_needed(metadata, "tokens"))
    types = metadata.get("tokenizer.ggml.token_type")
    numbers = [1] * count if types is None else [int(kind) for kind in types]
    if len(numbers) != count:
        raise TokenizerError(f"the GGUF has {count} tokens, but types of {len(numbers)}")
    kinds = {int(kind): kind for kind in Kind}
    odd = next((number for number in numbers if number not in kinds), None)
    if odd is not None:
        raise TokenizerError(f"a token of the GGUF is of type {odd}; types are 1 to {len(Kind)}")
    return [kinds[number] for number in numbers]


def _needed(metadata: Mapping[str, Any], name: str) -> list[Any]:
    values = metadata.get(f"tokenizer.ggml.{name}")
    if values is None:
        raise TokenizerError(f"the GGUF metadata lacks tokenizer.ggml.{name}")
    return list(values)


def _merge(merge: str) -> tuple[bytes, bytes]:
    left, space, right = merge.partition(" ")
    if not (left and space and right) or " " in right:
        raise TokenizerError(f"merge {merge!r} is not two tokens with a space between them")
    return unprintable(left), unprintable(right)


def _id(metadata: Mapping[str, Any], role: str) -> int | None:
    number = metadata.get(f"tokenizer.ggml.{role}_token_id")
    return None if number is None else int(number)


def _begins(metadata: Mapping[str, Any], pre: str) -> bool:
    return bool(metadata.get("tokenizer.ggml.add_bos_token", pre in _LLAMA3))
