"""`tokenizer.json` of T5's kind: theirs give their ids here, and ours give ours there."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece_kinds import ours, trained
from tokenizer_kinds import TEXT, patient
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from practicum.errors import TokenizerError
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.sentencepiece_file import save_sentencepiece
from practicum.tokenizers.sentencepiece_model import (
    Kind,
    Piece,
    SentencePieceModel,
    read_sentencepiece,
)
from practicum.tokenizers.unigram import Unigram

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

# What stands in texts: words, white space of every kind, what rules write otherwise, tokens. No
# numbers such as 333, which 3 and 33 make in either order: see `vocabulary`.
WORDS = [word for word in TEXT.split(" ") if not any(letter.isdigit() for letter in word)]
STRANGE = [" ", "  ", "\t", "\n ", "\xa0", "\u2003", "①", "ｆｕｌｌ", "ﬁne", "☃", "東☃", "é", "ⅷ"]
TOKENS = ["<extra_id_0>", " <extra_id_1> ", "</s>", "<pad>", "<extra_id_7>"]
TEXTS = st.lists(st.sampled_from([*WORDS, *STRANGE, *TOKENS])).map("".join)


def vocabulary() -> list[tuple[str, float]]:
    """T5's: padding, end and unknown in front, and sentinels that count down at the end.

    Scores are shaken, for where two cuts are equally likely rounding chooses, and theirs sums in 64
    bits where Google's and ours do in 32.
    """
    pieces, shaken = read_sentencepiece(trained("unigram", "defaults")).pieces, Random(0)
    ordinary = [
        (piece.text, piece.score - 0.1 * shaken.random())
        for piece in pieces
        if piece.kind is Kind.NORMAL
    ]
    front = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return front + ordinary + [(f"<extra_id_{i}>", 0.0) for i in reversed(range(9))]


def their_tokenizer(*, rules: bool = True) -> Any:
    charsmap = read_sentencepiece(trained("unigram", "defaults")).charsmap if rules else None
    return transformers.T5Tokenizer(
        vocab=vocabulary(), _spm_precompiled_charsmap=charsmap, extra_ids=9
    )


def newer(theirs: Any) -> Any:
    """The same text by the steps that newer conversions write."""
    backend = theirs.backend_tokenizer
    backend.normalizer = normalizers.Sequence(
        [
            backend.normalizer,
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(Regex(" {2,}"), "▁"),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return theirs


MAKERS = {
    "t5": their_tokenizer,
    "t5, no rules of characters": lambda: their_tokenizer(rules=False),
    "as newer releases convert": lambda: newer(their_tokenizer()),
}


@pytest.fixture(scope="module", params=MAKERS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Theirs, ours read from its file, and theirs read from ours."""
    folder = tmp_path_factory.mktemp("tokenizer")
    theirs = MAKERS[request.param]()
    theirs.save_pretrained(folder / "theirs")
    mine = load_tokenizer(folder / "theirs")
    save_tokenizer(mine, folder / "ours")
    assert load_tokenizer(folder / "ours").description() == mine.description()
    return theirs, mine, transformers.AutoTokenizer.from_pretrained(folder / "ours")


@patient
@given(text=TEXTS)
def test_both_ways_ids_and_texts_are_theirs(pair, text: str):
    theirs, mine, again = pair
    ids = theirs.encode(text)
    assert [*mine.encode(text, specials=True), mine.end] == ids == again.encode(text)
    plain = [number for number in ids if number != 2]
    assert mine.decode(plain) == theirs.decode(plain, clean_up_tokenization_spaces=False)


def test_roles_and_sentinels_are_those_of_t5(pair):
    theirs, mine, again = pair
    assert (mine.end, mine.begin, mine.specials["<pad>"]) == (1, None, 0)
    assert mine.specials["<extra_id_0>"] == mine.size - 1 == theirs.vocab_size - 1
    assert mine.specials["<extra_id_8>"] == mine.size - 9
    assert (again.eos_token_id, again.pad_token_id, again.unk_token_id) == (1, 0, 2)


@patient
@given(text=TEXTS)
def test_offsets_say_where_a_token_stands(pair, text: str):
    _, mine, _ = pair
    ids, offsets = mine.encode_with_offsets(text, specials=True)
    assert ids == mine.encode(text, specials=True)
    assert all(start <= stop for start, stop in offsets)
    for number, (start, stop) in zip(ids, offsets, strict=True):
        if number in mine.specials.values():
            assert text.encode()[start:stop] == mine.piece(number)


def edited(folder: Path, change: Any) -> Path:
    their_tokenizer().save_pretrained(folder)
    data = json.loads((folder / "tokenizer.json").read_text())
    change(data)
    (folder / "tokenizer.json").write_text(json.dumps(data))
    return folder


def two_ids(data: Any) -> None:
    data["added_tokens"][0]["id"] = 5


REFUSED = {
    "another normalizer": (lambda d: d.update(normalizer={"type": "NFKC"}), "normalizer is NFKC"),
    "words without a space in front": (
        lambda d: d["pre_tokenizer"]["pretokenizers"][1].update(prepend_scheme="first"),
        "pre-tokenizer is WhitespaceSplit . Metaspace",
    ),
    "words alone": (
        lambda d: d.update(pre_tokenizer={"type": "Whitespace"}),
        "pre-tokenizer is Whitespace",
    ),
    "tokens around": (
        lambda d: d["post_processor"]["single"].append({"SpecialToken": {"id": "<pad>"}}),
        "post-processor",
    ),
    "another decoder": (lambda d: d.update(decoder={"type": "WordPiece"}), "decoder is WordPiece"),
    "no unknown piece": (lambda d: d["model"].update(unk_id=None), "unk_id is None"),
    "a token with another id": (two_ids, "added token '<pad>' has the id 5"),
    "a token far outside": (
        lambda d: d["added_tokens"].append({"id": 9999, "content": "<far>"}),
        "'<far>' has 9999",
    ),
    "a token that wants to be a word": (
        lambda d: d["added_tokens"][3].update(single_word=True),
        "single_word",
    ),
    "rules that are no rules": (
        lambda d: d["normalizer"].update(precompiled_charsmap="?"),
        "not base64",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_named(what: str, tmp_path: Path):
    change, words = REFUSED[what]
    with pytest.raises(TokenizerError, match=words):
        load_tokenizer(edited(tmp_path, change))


def test_a_token_beyond_the_vocabulary_is_appended(tmp_path: Path):
    size = len(vocabulary())
    added = {"id": size, "content": "<more>"}
    mine = load_tokenizer(edited(tmp_path, lambda d: d["added_tokens"].append(added)))
    assert mine.encode("a<more>", specials=True)[-1] == size


def test_bytes_stand_for_what_no_piece_holds_there_too(tmp_path: Path):
    model = read_sentencepiece(trained("unigram", "bytes"))
    mine = Unigram(replace(model, prefix_parts=True, unknown="<unk>"))
    save_tokenizer(mine, tmp_path)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in ("a ☃ snow  man", "東京 ☃☃"):
        assert theirs.encode(text, add_special_tokens=False).ids == mine.encode(text)
        assert (
            theirs.decode(mine.encode(text))
            == mine.decode(mine.encode(text))
            == " ".join(text.split())
        )
    assert load_tokenizer(tmp_path).encode("a ☃") == mine.encode("a ☃")


def test_what_a_file_cannot_say_is_not_written(tmp_path: Path):
    for setting in ("identity", "lossless", "symbols and rules"):
        with pytest.raises(TokenizerError, match=r"save a \.model file"):
            save_tokenizer(ours("unigram", setting), tmp_path / setting)
    mine = Unigram(
        SentencePieceModel(
            pieces=(Piece(text="<unk>", kind=Kind.UNKNOWN), Piece(text="▁")), any_space=True
        )
    )
    with pytest.raises(TokenizerError, match=r"write a tokenizer\.json"):
        save_sentencepiece(mine, tmp_path / "mine.model")


def plain(data: Any, *, normalized: bool = False) -> None:
    """Adds two tokens that are not special, one within another's text."""
    for number, text in enumerate(("the", "ther"), start=len(vocabulary())):
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized}
        data["added_tokens"].append({"id": number, "content": text, "special": False, **flags})


def test_added_tokens_that_are_not_special_are_found_in_every_text(tmp_path: Path):
    mine = load_tokenizer(edited(tmp_path, plain))
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    save_tokenizer(mine, tmp_path / "ours.json")
    again = Tokenizer.from_file(str(tmp_path / "ours.json"))
    assert load_tokenizer(tmp_path / "ours.json").description() == mine.description()
    for text in (TEXT, "the weather</s> lathe <extra_id_0>the  the", "ther"):
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert mine.encode(text, specials=True) == ids
        assert again.encode(text, add_special_tokens=False).ids == ids
        assert "<" in text or mine.encode(text) == ids
        known = [number for number in ids if number != 2]
        assert mine.decode(known) == theirs.decode(known, skip_special_tokens=False)
        found, offsets = mine.encode_with_offsets(text)
        assert len(found) == len(offsets) == len(mine.encode(text))
        spans = [text.encode()[slice(*span)] for span in offsets]
        assert {s for n, s in zip(found, spans, strict=True) if n == mine.size - 1} == {b"ther"}


def test_one_looked_for_in_normalised_text_is_refused_by_name(tmp_path: Path):
    with pytest.raises(TokenizerError, match="'the' is looked for in normalised text"):
        load_tokenizer(edited(tmp_path, lambda data: plain(data, normalized=True)))
