"""The tokenizer inside a GGUF file's metadata (keys `tokenizer.ggml.…`; GGUF specification, v3).

Read is the model `gpt2`, which is every byte-level BPE. How text is split is only named there
(`tokenizer.ggml.pre`), after llama.cpp's table; an unknown name is refused, since guessing would
give plausible ids and a subtly worse model. Files from before the field are split as GPT-2.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from practicum.errors import TokenizerError, UnknownName
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.byte_alphabet import unprintable
from practicum.tokenizers.patterns import GPT2, GPT4, QWEN2, SMOL

_PATTERNS = {
    **dict.fromkeys(("default", "gpt-2", "mpt", "olmo", "phi-2"), GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell"), SMOL),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe"), GPT4),
    **dict.fromkeys(("qwen2", "stablelm2", "deepseek-r1-qwen"), QWEN2),
}
_LLAMA3 = ("llama-bpe", "llama3", "llama-v3")  # whole tokens first; a text begins with a token
_CONTROL, _USER_DEFINED = 3, 4  # token types that are written as they are, not in the byte alphabet


def tokenizer_from_gguf(metadata: Mapping[str, Any]) -> BPE:
    """The tokenizer that `metadata` (plain values or arrays by key) describes.

    Control and user-defined tokens are its specials. Raises TokenizerError where a key is missing
    or the model or the way of splitting is not one of those known here.
    """
    model = metadata.get("tokenizer.ggml.model")
    if model != "gpt2":
        raise TokenizerError(
            "the GGUF metadata has no tokenizer"
            if model is None
            else f"the GGUF tokenizer is of model '{model}'; only 'gpt2' (byte-level BPE) is read"
        )
    pre = str(metadata.get("tokenizer.ggml.pre", "default"))
    if pre not in _PATTERNS:
        raise UnknownName("way of splitting text in GGUF (tokenizer.ggml.pre)", pre, _PATTERNS)
    tokens = [str(token) for token in _needed(metadata, "tokens")]
    types = metadata.get("tokenizer.ggml.token_type")
    kinds = [1] * len(tokens) if types is None else [int(kind) for kind in types]
    if len(kinds) != len(tokens):
        raise TokenizerError(f"the GGUF has {len(tokens)} tokens, but types of {len(kinds)}")
    specials = {
        token: number
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED)
    }
    reserved = set(specials.values())
    return BPE(
        [t.encode() if n in reserved else unprintable(t) for n, t in enumerate(tokens)],
        [_merge(str(merge)) for merge in _needed(metadata, "merges")],
        pattern=_PATTERNS[pre],
        specials=specials,
        end=_id(metadata, "eos"),
        begin=_id(metadata, "bos") if _begins(metadata, pre) else None,
        whole_first=pre in _LLAMA3,
    )


def _needed(metadata: Mapping[str, Any], name: str) -> Sequence[Any]:
    values = metadata.get(f"tokenizer.ggml.{name}")
    if values is None:
        raise TokenizerError(f"the GGUF metadata lacks tokenizer.ggml.{name}")
    return values


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
