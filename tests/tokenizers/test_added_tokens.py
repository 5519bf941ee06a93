"""Added tokens that are not special, and normal forms: ids, texts and files are those of theirs."""

import json
import pickle
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, patient
from tokenizers import AddedToken as TheirToken
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from practicum.errors import TokenizerError, UnknownName
from practicum.tokenizers.added_tokens import AddedToken, WithAddedTokens
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.patterns import GPT4
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.text_to_text import TextToText
from practicum.tokenizers.tokenizer import Tokenizer as OurTokenizer

SPACES = [" " * count for count in (2, 3, 4, 8, 16)]
SPECIAL = ["<|end|>", "<|im_start|>", "<a><b>"]
PIECES = [*SPACES, *SPECIAL, "\t\t", "\n\n", "<b>", "<|end", "ab", "bc", "abcd", "e\u0301 "]
TEXTS = st.lists(
    st.sampled_from([*PIECES, *"abcdé<> \n\t|", "e\u0301", "ﬁ", "de", "<a>", *TEXT.split(" ")[:30]])
).map("".join)


def _phi(theirs: Tokenizer) -> None:
    """Runs of spaces and of tabs, as Phi has them."""
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.add_special_tokens(SPECIAL[:1])
    theirs.add_tokens([TheirToken(run, normalized=True) for run in [*SPACES, "\t\t"]])


def _tangled(theirs: Tokenizer) -> None:
    """Tokens within others and across them, of both kinds, looked for in both passes."""
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(GPT4.unicode), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    theirs.add_special_tokens([TheirToken(text, normalized=text == "<a><b>") for text in SPECIAL])
    late, early = ["<b>", "ab", *SPACES], ["<|end", "bc", "abcd", "\n\n"]
    theirs.add_tokens([TheirToken(text, normalized=True) for text in late])
    theirs.add_tokens([TheirToken(text, normalized=False) for text in early])


def _composed(theirs: Tokenizer) -> None:
    """OLMo's and Qwen2's normal form, and a token that is not in it."""
    _tangled(theirs)
    theirs.normalizer = normalizers.NFC()
    theirs.add_tokens([TheirToken("e\u0301 ", normalized=True)])


def _normalised(theirs: Tokenizer) -> None:
    _phi(theirs)
    inner = normalizers.Sequence([normalizers.NFD(), normalizers.NFKC()])
    theirs.normalizer = normalizers.Sequence([normalizers.NFC(), inner])


def _form_alone(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.normalizer = normalizers.NFD()


def _words(theirs: Tokenizer) -> None:
    """Tokens of the model's own that are made added ones, with merges that lead over them."""
    _phi(theirs)
    theirs.add_tokens(["the", "a", "th", "they"])


KINDS = {
    "phi": _phi,
    "words": _words,
    "tangled": _tangled,
    "composed": _composed,
    "forms in turn": _normalised,
    "form alone": _form_alone,
}


def _their_tokenizer(change: Any) -> Tokenizer:
    trained = train_bpe([TEXT], 330, specials=())
    vocabulary = {printable(piece): number for number, piece in enumerate(trained.vocabulary())}
    merges = [(printable(left), printable(right)) for left, right in trained.merges]
    theirs = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    theirs.decoder = decoders.ByteLevel()
    change(theirs)
    return theirs


@pytest.fixture(scope="module", params=KINDS)
def trio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Theirs, ours read from its file, and theirs read from ours."""
    folder = tmp_path_factory.mktemp("tokenizer")
    theirs = _their_tokenizer(KINDS[request.param])
    theirs.save(str(folder / "theirs.json"))
    mine = load_tokenizer(folder / "theirs.json")
    save_tokenizer(mine, folder / "ours.json")
    assert load_tokenizer(folder / "ours.json").description() == mine.description()
    return theirs, mine, Tokenizer.from_file(str(folder / "ours.json"))


@patient
@given(text=TEXTS)
def test_both_ways_ids_are_theirs_with_and_without_special_tokens(trio, text: str) -> None:
    theirs, mine, again = trio
    for wanted in (True, False):
        theirs.encode_special_tokens = again.encode_special_tokens = not wanted
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert mine.encode(text, specials=wanted) == ids
        assert again.encode(text, add_special_tokens=False).ids == ids


@patient
@given(text=TEXTS)
def test_what_is_decoded_is_the_text_in_its_form(trio, text: str) -> None:
    theirs, mine, _ = trio
    for wanted in (True, False):
        ids = mine.encode(text, specials=wanted)
        once, again = mine.decode(ids), theirs.decode(ids, skip_special_tokens=False)
        if mine.form is None:
            assert once == again == text
        else:  # where it matters whether a token is shown as it is written or in its form
            shown = {unicodedata.normalize(mine.form, one) for one in (once, again, text)}
            assert len(shown) == 1
        decoder = stream_decoder(mine)
        assert "".join([*map(decoder.push, ids), decoder.finish()]) == once


@patient
@given(text=TEXTS)
def test_offsets_cover_the_text_and_hold_the_tokens(trio, text: str) -> None:
    _, mine, _ = trio
    ids, offsets = mine.encode_with_offsets(text, specials=True)
    data = text.encode()
    assert ids == mine.encode(text, specials=True)
    assert [0, *(stop for _, stop in offsets)] == [*(start for start, _ in offsets), len(data)]
    for number, (start, stop) in zip(ids, offsets, strict=True):
        if mine.form is None or number in mine.specials.values():
            assert data[start:stop] == mine.piece(number)


def _ours(*plain: str, form: Any = None) -> WithAddedTokens:
    inner = ByteTokenizer(("<end>", *plain))
    tokens = [
        AddedToken(text=text, id=number, special=text == "<end>", normalized=False)
        for text, number in inner.specials.items()
    ]
    return WithAddedTokens(inner, tokens, form=form)


def test_a_plain_token_is_one_in_every_text_and_a_special_one_where_it_is_asked_for() -> None:
    mine = _ours("  ", "<e")
    assert mine.encode("a   b") == [97, 257, 32, 98]
    assert mine.encode("<end><e", specials=True) == [256, 258]
    assert mine.encode("<end><e") == [*b"<end>", 258]
    assert (mine.specials, mine.end, mine.size) == ({"<end>": 256}, 256, 259)


def test_refusing_special_tokens_refuses_no_plain_ones() -> None:
    mine = _ours("  ")
    assert mine.encode("a  b", specials="refuse") == [97, 257, 98]
    assert mine.encode("a  <end>", specials=["<end>"]) == [97, 257, 256]
    with pytest.raises(TokenizerError, match="special token '<end>' at character 3"):
        mine.encode("a  <end>", specials="refuse")
    with pytest.raises(UnknownName, match="no special token '  '"):
        mine.special("  ")


def test_a_special_token_that_normalising_makes_is_not_let_in_by_a_refusal() -> None:
    inner = ByteTokenizer(("<é>",))
    mine = WithAddedTokens(inner, [AddedToken(text="<é>", id=256, special=True)], form="NFC")
    text = "<e\u0301>"
    assert mine.encode(text, specials=True) == [256]
    assert mine.encode(text, specials="refuse") == mine.encode(text) == [*"<é>".encode()]


def test_a_lone_surrogate_is_named_with_its_place_in_the_whole_text() -> None:
    for form in (None, "NFC"):
        with pytest.raises(TokenizerError, match=r"character 4 is the lone surrogate U\+D800"):
            _ours("  ", form=form).encode_with_offsets("a  b\ud800")


def test_a_pickled_one_is_the_same() -> None:
    mine = _ours("  ", form="NFKC")
    back = pickle.loads(pickle.dumps(mine))
    assert back.description() == mine.description()
    assert back.encode("ﬁ  <end>", specials=True) == [*b"fi", 257, 256]


def test_tokens_that_cannot_be_told_apart_or_are_missing_are_named() -> None:
    inner = ByteTokenizer(("é", "e\u0301"))
    tokens = [AddedToken(text=text, id=number) for text, number in inner.specials.items()]
    assert WithAddedTokens(inner, tokens).encode("ée\u0301") == [256, 257]
    with pytest.raises(TokenizerError, match="are read alike"):
        WithAddedTokens(inner, tokens, form="NFD")
    with pytest.raises(TokenizerError, match="'é' is special to the tokenizer, but not among"):
        WithAddedTokens(inner, tokens[1:])
    with pytest.raises(TokenizerError, match="an added token is given twice"):
        WithAddedTokens(inner, [*tokens, tokens[0]])
    with pytest.raises(TokenizerError, match="id 258 is outside"):
        WithAddedTokens(inner, [*tokens, AddedToken(text="a", id=258)])


def test_only_what_has_such_tokens_or_a_form_is_wrapped(tmp_path: Path) -> None:
    save_tokenizer(ByteTokenizer(), tmp_path)
    assert isinstance(load_tokenizer(tmp_path), ByteTokenizer)
    save_tokenizer(_ours(form="NFC"), tmp_path)
    assert json.loads((tmp_path / "tokenizer.json").read_text())["normalizer"] == {"type": "NFC"}
    assert isinstance(load_tokenizer(tmp_path), WithAddedTokens)


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_a_plain_token_with_another_property_is_refused_by_name(flag: str, tmp_path: Path) -> None:
    theirs = _their_tokenizer(_phi)
    theirs.add_tokens([TheirToken("word", **{flag: True})])
    theirs.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(TokenizerError, match=f"added token 'word' has {flag}"):
        load_tokenizer(tmp_path)


def test_it_goes_where_tokenizers_go() -> None:
    mine: OurTokenizer = TextToText(_ours("  "), begin=0)
    assert mine.encode("a  b") == [97, 257, 98, 256]
    assert mine.decode([97, 257, 98, 256]) == "a  b"
