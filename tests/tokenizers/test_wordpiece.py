"""WordPiece cuts as the `tokenizers` library does, whatever the text."""

import json
import pickle
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient

from practicum.data.fetch import locate
from practicum.data.standard_library import topics
from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.wordpiece import Plain, WordPiece
from practicum.tokenizers.wordpiece_files import (
    load_wordpiece,
    read_wordpiece,
    save_wordpiece,
    wordpiece_data,
)

peer = pytest.importorskip("tokenizers", reason="parity is with `tokenizers`")

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789éñσжאक中文字кΩABCÉσΣİß"]
WORDS = ["un", "##aff", "##able", "the", "hello", "##ing", "##s", "don", "it", "can", "not", "do"]
MARKS = [*".,!?'\"$+-~^()[]{}#@—…।、。"]
TOKENS = list(
    dict.fromkeys([*SPECIALS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS, *MARKS])
)
KINDS = {
    "uncased": Plain(),
    "cased": Plain(lower=False),
    "small letters with their accents": Plain(strip_accents=False),
    "large letters without": Plain(lower=False, strip_accents=True),
    "Chinese words": Plain(han_apart=False),
}
EDGES = (
    "Hello, wOrLd! It can't be: don't.",
    "naïve façade ÉCOLE, e\u0301cole; İstanbul ΣΑΣ ß ﬁ ① ½",
    "中文字 and \u4e2d\u6587mixed 가각 \u1100\u1161\u11a8 हिन्दी क्षि।",
    "a\u0000b\ufffdc\u200bd\u00ade\ufefff\u2028g\u0085h\u3000i\u00a0j\x1ck\tl\r\nm",
    "$5.00+tax=~^`|<>  [CLS] [MASK]ed [SEP]",
    "unaffable unaffables xunaffable §unaffable " + "a" * 100 + " " + "a" * 101,
    "e\u0323\u0301 e\u0301\u0323 \u0301alone 👩‍👩‍👧 🇩🇪 \u202eright\u202c",
    "",
    "   ",
)
# Of a younger Unicode than the peer's tables, which is the one difference there is.
YOUNG = re.compile(r"[\u166d\u1734]")
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cn", "Mn", "Po", "Cf", "Ps", "Pe", "Pd"])),
    st.text("".join(LETTERS[:20]) + " .,'-$\t\u0301\u4e2d\u200bÉİΣ\x1c\x85[]UNK"),
    st.lists(st.sampled_from([*WORDS, *SPECIALS, "unaffable", "HELLO"])).map(" ".join),
)


def of(kind: str) -> WordPiece:
    return WordPiece(TOKENS, plain=KINDS[kind])


def theirs(tokenizer: WordPiece) -> "peer.Tokenizer":
    return peer.Tokenizer.from_str(json.dumps(wordpiece_data(tokenizer)))


OURS = {kind: of(kind) for kind in KINDS}
THEIRS = {kind: theirs(tokenizer) for kind, tokenizer in OURS.items()}


@pytest.mark.parametrize("kind", KINDS)
@patient
@given(text=TEXTS)
def test_ids_are_those_of_the_peer_on_any_text(kind: str, text: str):
    text = YOUNG.sub("", text)
    expected = THEIRS[kind].encode(text, add_special_tokens=False).ids
    assert OURS[kind].encode(text, specials=True) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", EDGES)
def test_ids_and_what_they_decode_to_are_those_of_the_peer(kind: str, text: str):
    encoded = THEIRS[kind].encode(text)
    ours = OURS[kind]
    assert [ours.begin, *ours.encode(text, specials=True), ours.end] == encoded.ids
    decoded = THEIRS[kind].decode(encoded.ids, skip_special_tokens=False)
    assert ours.decode(encoded.ids) == decoded
    assert ours.decode_bytes(encoded.ids) == decoded.encode()


def test_every_character_the_peer_knows_is_cut_as_there():
    ours, wrong = OURS["uncased"], []
    ages = [f"a{chr(code)}b" for code in range(0x3100) if not 0xD800 <= code < 0xE000]
    for text, encoded in zip(
        ages, THEIRS["uncased"].encode_batch(ages, add_special_tokens=False), strict=True
    ):
        if ours.encode(text) != encoded.ids:
            wrong.append(text[1])
    assert all(unicodedata.category(one)[0] in "PMC" or one == "\u166d" for one in wrong)
    assert len(wrong) < 120  # those that came after Unicode 8


@pytest.mark.parametrize("text", EDGES)
def test_offsets_say_where_each_piece_stands(text: str):
    ours, data = OURS["uncased"], text.encode()
    ids, offsets = ours.encode_with_offsets(text)
    assert ids == ours.encode(text)
    assert len(offsets) == len(ids)
    starts = [start for start, _ in offsets]
    assert starts == sorted(starts)
    for number, (start, stop) in zip(ids, offsets, strict=True):
        written = data[start:stop].decode()
        piece = ours.piece(number).decode().removeprefix("##")
        if number != ours.unknown and written.isascii():
            assert written.lower() == piece
        assert written.strip()


def test_special_tokens_in_a_text_are_plain_unless_they_are_asked_for():
    ours = OURS["uncased"]
    assert ours.specials["[MASK]"] not in ours.encode("[MASK]")
    assert ours.encode("[MASK]", specials=True) == [ours.specials["[MASK]"]]
    ids, offsets = ours.encode_with_offsets("é [MASK] hello", specials=["[MASK]"])
    assert [ours.piece(id) for id in ids] == [b"e", b"[MASK]", b"hello"]
    assert offsets == [(0, 2), (3, 9), (10, 15)]


def test_what_is_no_text_or_no_id_is_refused():
    ours = OURS["uncased"]
    with pytest.raises(TokenizerError, match="lone surrogate"):
        ours.encode("a\ud800")
    with pytest.raises(TokenizerError, match="outside this vocabulary"):
        ours.decode([len(TOKENS)])


def test_it_is_a_tokenizer_and_equal_ones_are_described_alike():
    ours: Tokenizer = OURS["uncased"]
    assert pickle.loads(pickle.dumps(ours)).description() == ours.description()
    assert ours.description() == WordPiece(TOKENS, plain=Plain(strip_accents=True)).description()
    others = [of(kind).description() for kind in KINDS]
    assert len({json.dumps(one) for one in others}) == len(KINDS)
    assert ours.size == len(ours.vocabulary()) == len(TOKENS)


def test_a_vocabulary_that_cannot_be_one_is_refused():
    with pytest.raises(TokenizerError, match="'a' is in the vocabulary twice"):
        WordPiece([*SPECIALS, "a", "a"])
    with pytest.raises(TokenizerError, match=r"lacks '\[UNK\]'"):
        WordPiece(["a"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_again(kind: str, tmp_path: Path):
    save_wordpiece(of(kind), tmp_path)
    for place in (tmp_path, tmp_path / "tokenizer.json"):
        assert load_wordpiece(place).description() == of(kind).description()
    assert load_wordpiece(tmp_path / "vocab.txt").vocabulary() == of(kind).vocabulary()


def test_a_vocabulary_of_lines_is_plain_as_the_configuration_beside_it_says(tmp_path: Path):
    lines = tmp_path / "vocab.txt"
    lines.write_text("\r\n".join(TOKENS) + "\r\n", encoding="utf-8", newline="")
    assert load_wordpiece(tmp_path).encode("ÉA") == OURS["uncased"].encode("ea")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert load_wordpiece(lines).encode("ÉA") == OURS["cased"].encode("ÉA")


REFUSED = {
    "another model": ({"model": {"type": "BPE"}}, "BPE; expected WordPiece"),
    "another normalizer": ({"normalizer": {"type": "NFC"}}, "normalizer is NFC"),
    "no cutter": ({"pre_tokenizer": None}, "pre-tokenizer is nothing"),
    "another decoder": ({"decoder": {"type": "ByteFallback"}}, "decoder is ByteFallback"),
    "something else around a text": (
        {"post_processor": {"type": "RobertaProcessing"}},
        "post-processor is Roberta",
    ),
    "a token in every text": (
        {"added_tokens": [{"id": 9, "content": "x", "special": False}]},
        "'x' is a token in every text",
    ),
    "another sign": (
        {"model": {**wordpiece_data(OURS["cased"])["model"], "continuing_subword_prefix": "@@"}},
        "'@@'; expected '##'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_would_cut_otherwise_is_refused(name: str, tmp_path: Path):
    change, words = REFUSED[name]
    with pytest.raises(TokenizerError, match=words):
        read_wordpiece(wordpiece_data(OURS["uncased"]) | change)


def test_a_damaged_file_or_an_empty_folder_is_named(tmp_path: Path):
    with pytest.raises(TokenizerError, match=r"expected tokenizer.json or vocab.txt"):
        load_wordpiece(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(TokenizerError, match="truncated or not JSON"):
        load_wordpiece(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"\xff\n")
    with pytest.raises(TokenizerError, match="not UTF-8"):
        load_wordpiece(tmp_path / "vocab.txt")


@pytest.fixture(scope="module")
def minilm() -> Path:
    folder = locate("minilm")
    if folder is None:
        pytest.skip("minilm is not on this machine: practicum data add minilm")
    return folder


def test_a_released_vocabulary_cuts_real_texts_as_the_peer_does(minilm: Path):
    ours, lines = load_wordpiece(minilm / "tokenizer.json"), load_wordpiece(minilm / "vocab.txt")
    other = peer.Tokenizer.from_file(str(minilm / "tokenizer.json"))
    other.no_truncation()
    other.no_padding()
    texts = [document.text for document in topics().documents[:60]] + list(EDGES)
    for text in texts:
        encoded = other.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, specials=True) == encoded
        assert ours.decode(encoded) == other.decode(encoded, skip_special_tokens=False)
    assert lines.description() == ours.description()
