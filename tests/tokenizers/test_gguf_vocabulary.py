"""Tokenizers out of GGUF metadata: a hand-made one, and SmolLM2's where it is."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from sentencepiece_kinds import theirs, trained
from tokenizer_kinds import TEXT, gguf_metadata, patient
from tokenizers import Tokenizer

from practicum.data.fetch import locate
from practicum.errors import PracticumError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.gguf_vocabulary import tokenizer_from_gguf
from practicum.tokenizers.json_file import save_tokenizer
from practicum.tokenizers.patterns import GPT2, GPT4, QWEN2, SMOL
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import Kind, read_sentencepiece, write_sentencepiece


def pieces(tokenizer: BPE, text: str) -> list[bytes]:
    return [tokenizer.piece(id) for id in tokenizer.encode(text)]


def test_merges_digits_and_control_tokens_are_read() -> None:
    tokenizer = tokenizer_from_gguf(gguf_metadata())
    assert pieces(tokenizer, "the sand 12") == [*(b"the", b" ", b"s", b"and", b" ", b"1", b"2")]
    assert dict(tokenizer.specials) == {"<|im_start|>": 0, "<|im_end|>": 1}
    assert tokenizer.encode("<|im_end|>", specials=True) == [1]
    assert tokenizer.end == 1
    assert tokenizer.begin is None  # there is one, but add_bos_token is false


def test_user_defined_tokens_are_found_in_every_text() -> None:
    metadata = gguf_metadata()
    tokens = metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, list)
    metadata |= {
        "tokenizer.ggml.tokens": [*tokens, "    "],
        "tokenizer.ggml.token_type": [3, 3, *[1] * (len(tokens) - 2), 4],
    }
    tokenizer = tokenizer_from_gguf(metadata)
    assert pieces(tokenizer, "the      sand") == [*(b"the", b"    ", b" ", b" ", b"s", b"and")]
    assert dict(tokenizer.specials) == {"<|im_start|>": 0, "<|im_end|>": 1}
    assert tokenizer.encode("    <|im_end|>", specials=True) == [len(tokens), 1]


def test_arrays_do_as_well_as_lists() -> None:
    metadata = gguf_metadata()
    as_arrays = metadata | {
        "tokenizer.ggml.token_type": np.array(metadata["tokenizer.ggml.token_type"], np.int32),
        "tokenizer.ggml.eos_token_id": np.uint32(1),
    }
    expected = tokenizer_from_gguf(metadata).description()
    assert tokenizer_from_gguf(as_arrays).description() == expected


@pytest.mark.parametrize(
    ("pre", "pattern", "begin"),
    [
        ("smollm", SMOL, None),
        ("gpt-2", GPT2, None),
        ("default", GPT2, None),
        ("qwen2", QWEN2, None),
        ("llama-bpe", GPT4, 0),
    ],
)
def test_the_way_of_splitting_follows_its_name(pre: str, pattern: Any, begin: int | None) -> None:
    metadata = gguf_metadata(pre)
    del metadata["tokenizer.ggml.add_bos_token"]
    tokenizer = tokenizer_from_gguf(metadata)
    assert tokenizer.pattern == pattern
    assert tokenizer.begin == begin
    assert tokenizer.whole_first == (pre == "llama-bpe")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer.ggml.model": "bert"}, r"of model 'bert'; 'gpt2' .* and 'llama' .* are read"),
        ({"tokenizer.ggml.model": None}, "has no tokenizer"),
        ({"tokenizer.ggml.pre": "smolm"}, "did you mean smollm"),
        ({"tokenizer.ggml.tokens": None}, r"lacks tokenizer\.ggml\.tokens"),
        ({"tokenizer.ggml.merges": None}, r"lacks tokenizer\.ggml\.merges"),
        ({"tokenizer.ggml.merges": ["t h e"]}, "'t h e' is not two tokens"),
        ({"tokenizer.ggml.merges": ["x y"]}, "no token b'xy'"),
        ({"tokenizer.ggml.token_type": [1]}, "263 tokens, but types of 1"),
        ({"tokenizer.ggml.token_type": [7] * 263}, "of type 7; types are 1 to 6"),
        ({"tokenizer.ggml.eos_token_id": 900}, "the end id is 900"),
    ],
)
def test_what_is_not_read_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PracticumError, match=message):
        tokenizer_from_gguf(gguf_metadata() | change)


def llama_metadata(setting: str) -> dict[str, Any]:
    """What a GGUF says of a model that Google's library trained."""
    model = read_sentencepiece(trained("bpe", setting))
    texts = [piece.text for piece in model.pieces]
    spaced = [
        piece.text.replace("▁", " ") if piece.kind is Kind.USER_DEFINED else piece.text
        for piece in model.pieces
    ]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": spaced,
        "tokenizer.ggml.scores": np.array([piece.score for piece in model.pieces], np.float32),
        "tokenizer.ggml.token_type": np.array([piece.kind for piece in model.pieces], np.int32),
        "tokenizer.ggml.bos_token_id": np.uint32(texts.index("<s>")),
        "tokenizer.ggml.eos_token_id": np.uint32(texts.index("</s>")),
        "tokenizer.ggml.add_space_prefix": model.dummy_prefix,
    }


@pytest.mark.parametrize("setting", ["lossless", "lossless with prefix", "white space", "symbols"])
@patient
@given(
    text=st.text("the 's'LL1\n\t  é東<sep>▁") | st.text(st.characters(exclude_categories=["Cs"]))
)
def test_llamas_vocabulary_gives_the_ids_of_sentencepiece(setting: str, text: str) -> None:
    tokenizer = _llama(setting)
    assert tokenizer.encode(text) == theirs("bpe", setting).encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text.replace("▁", " ")


@cache
def _llama(setting: str) -> SentencePieceBPE:
    tokenizer = tokenizer_from_gguf(llama_metadata(setting))
    assert isinstance(tokenizer, SentencePieceBPE)
    return tokenizer


def test_llamas_begin_and_end_are_read() -> None:
    tokenizer = _llama("lossless")
    assert (tokenizer.begin, tokenizer.end) == (tokenizer.special("<s>"), tokenizer.special("</s>"))
    assert tokenizer.encode(TEXT) == theirs("bpe", "lossless").encode(TEXT)
    bare = llama_metadata("lossless") | {"tokenizer.ggml.add_bos_token": False}
    assert tokenizer_from_gguf(bare).begin is None


def test_an_unknown_token_that_is_called_a_control_token_is_the_unknown_one() -> None:
    metadata = llama_metadata("lossless")
    kinds = metadata["tokenizer.ggml.token_type"]
    number = int(np.flatnonzero(kinds == Kind.UNKNOWN)[0])
    kinds[number] = Kind.CONTROL
    named = metadata | {"tokenizer.ggml.unknown_token_id": np.uint32(number)}
    assert tokenizer_from_gguf(named).encode(TEXT) == _llama("lossless").encode(TEXT)
    with pytest.raises(PracticumError, match="0 pieces are the unknown"):
        tokenizer_from_gguf(metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer.ggml.scores": None}, r"lacks tokenizer\.ggml\.scores"),
        ({"tokenizer.ggml.scores": [1.0]}, "but scores of 1"),
        ({"tokenizer.ggml.bos_token_id": 900}, "the begin id is 900"),
        ({"tokenizer.ggml.token_type": None}, "0 pieces are the unknown"),
    ],
)
def test_what_is_not_read_of_llamas_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PracticumError, match=message):
        tokenizer_from_gguf(llama_metadata("lossless") | change)


SPACED = "  a  b\n\n\n\tc\t\t<table><tr>d   <b>e\r\n<unused5> 3.14 [multimodal]\x00\ufeff𐍈👍🏽"


@pytest.mark.slow("with every call checked, a vocabulary of 262,144 takes half a minute to read")
def test_gemmas_vocabulary_gives_the_ids_of_sentencepiece() -> None:
    path = locate("gemma3-270m")
    if path is None:
        pytest.skip("Gemma 3 is not here: `practicum data add gemma3-270m` says how")
    from practicum.models.gguf import read_gguf

    tokenizer = tokenizer_from_gguf(read_gguf(path).metadata)
    assert isinstance(tokenizer, SentencePieceBPE)
    assert (tokenizer.size, tokenizer.begin, tokenizer.end) == (262_144, 2, 1)
    google = SentencePieceProcessor()
    google.LoadFromSerializedProto(write_sentencepiece(tokenizer.model))
    for text in (TEXT, SPACED, "The capital of France", Path(__file__).read_text()[:3000]):
        ids = tokenizer.encode(text)
        assert ids == google.encode(text)
        assert tokenizer.decode(ids) == text.replace("▁", " ")
    assert tokenizer.piece(tokenizer.encode("The capital of France")[-1]) == b" France"


@pytest.fixture(scope="module")
def smollm2() -> BPE:
    path = locate("smollm2")
    if path is None:
        pytest.skip("SmolLM2 is not here: practicum data add smollm2")
    from practicum.models.gguf import read_gguf

    tokenizer = tokenizer_from_gguf(read_gguf(path).metadata)
    assert isinstance(tokenizer, BPE)
    return tokenizer


def test_smollm2_reads_as_its_model_does(smollm2: BPE) -> None:
    assert smollm2.size == 49_152
    assert len(smollm2.merges) == 48_900
    assert smollm2.piece(2) == b"<|im_end|>"
    assert (smollm2.end, smollm2.begin) == (2, None)
    assert pieces(smollm2, "The capital of France") == [b"The", b" capital", b" of", b" France"]
    assert smollm2.decode(smollm2.encode(TEXT)) == TEXT


def test_smollm2_written_as_json_gives_hugging_face_the_same_ids(smollm2: BPE, tmp_path) -> None:
    save_tokenizer(smollm2, tmp_path)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = TEXT + "<|im_start|>user\n1234  5 <|im_end|>"
    assert smollm2.encode(text, specials=True) == theirs.encode(text).ids


def test_smollm2_names_a_control_byte_it_has_no_token_for(smollm2: BPE) -> None:
    with pytest.raises(PracticumError, match="no token for byte 0x04"):
        smollm2.encode("\x04")
