"""Models of every kind, trained by Google's library when first asked for, and read by ours."""

import io
from functools import cache
from typing import Any

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizer_kinds import TEXT

from practicum.tokenizers.sentencepiece import SentencePieceTokenizer
from practicum.tokenizers.sentencepiece_file import tokenizer_of
from practicum.tokenizers.sentencepiece_model import read_sentencepiece

LOSSLESS: dict[str, Any] = {
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "identity": {"normalization_rule_name": "identity"},
    "lossless": {**LOSSLESS, "add_dummy_prefix": False},
    "lossless with prefix": LOSSLESS,
    "bytes": {"byte_fallback": True},
    "case folding": {"normalization_rule_name": "nmt_nfkc_cf"},
    "symbols": {**LOSSLESS, "user_defined_symbols": ["<sep>", "<se", "th", "①", "é東"]},
    "symbols and rules": {"user_defined_symbols": ["<sep>", "<se", "th", "①", "é"]},
    "white space": {"allow_whitespace_only_pieces": True, **LOSSLESS},
    "across words": {"split_by_whitespace": False, "byte_fallback": True},
    "control": {"control_symbols": ["<mask>"], "pad_id": 3, "bos_id": -1},
}
KINDS = [(algorithm, setting) for algorithm in ("bpe", "unigram") for setting in SETTINGS]
LOSSLESS_KINDS = [
    (algorithm, setting)
    for algorithm, setting in KINDS
    if SETTINGS[setting].get("remove_extra_whitespaces") is False
]


@cache
def trained(algorithm: str, setting: str) -> bytes:
    """The bytes of a model's file."""
    file = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXT.splitlines(), "  a  a   b b", "ﬁne ① ｆｕｌｌ e\u0301"]),
        model_writer=file,
        model_type=algorithm,
        vocab_size=400,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **SETTINGS[setting],
    )
    return file.getvalue()


@cache
def ours(algorithm: str, setting: str) -> SentencePieceTokenizer:
    return tokenizer_of(read_sentencepiece(trained(algorithm, setting)))


@cache
def theirs(algorithm: str, setting: str) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_proto=trained(algorithm, setting))
