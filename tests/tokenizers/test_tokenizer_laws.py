"""What every tokenizer does, whatever its kind."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, TOKENIZERS, patient

from practicum.config import fingerprint
from practicum.errors import TokenizerError, UnknownName
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.tokenizer import PieceTokenizer

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("the 's'LL1\n\t\r  é東\x1c\x85<|>"),  # where the patterns have their corners
    st.lists(st.sampled_from(TEXT.split(" "))).map(" ".join),
)
every = pytest.mark.parametrize("name", TOKENIZERS)


@every
@patient
@given(text=TEXTS)
def test_decoding_undoes_encoding(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert tokenizer.decode(tokenizer.encode(text, specials=True)) == text


@every
@patient
@given(data=st.binary() | TEXTS.map(str.encode), text=TEXTS)
def test_any_bytes_come_back(name: str, data: bytes, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data
    assert tokenizer.encode_bytes(text.encode()) == tokenizer.encode(text)
    mixed = text.encode() + b"\xff\xe2\x82" + text.encode()
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(mixed)) == mixed


@every
@patient
@given(text=TEXTS)
def test_offsets_cover_the_text_and_hold_the_pieces(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    ids, offsets = tokenizer.encode_with_offsets(text)
    data = text.encode()
    assert ids == tokenizer.encode(text)
    assert [data[start:stop] for start, stop in offsets] == [tokenizer.piece(id) for id in ids]
    bounds = [0, *(stop for _, stop in offsets)]
    assert bounds == [*(start for start, _ in offsets), len(data)]


@every
@patient
@given(data=st.data())
def test_streamed_text_is_decoded_text(name: str, data: st.DataObject) -> None:
    tokenizer = TOKENIZERS[name]
    ids = data.draw(st.lists(st.integers(0, tokenizer.size - 1)))  # mostly not UTF-8
    decoder = stream_decoder(tokenizer)
    parts = [decoder.push(id) for id in ids]
    assert "".join([*parts, decoder.finish()]) == tokenizer.decode(ids)


@every
def test_the_vocabulary_lists_every_piece(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    vocabulary = tokenizer.vocabulary()
    assert len(vocabulary) == tokenizer.size
    assert vocabulary == [tokenizer.piece(id) for id in range(tokenizer.size)]
    assert all(vocabulary[id] == text.encode() for text, id in tokenizer.specials.items())


@every
def test_specials_count_as_specials_only_when_asked(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    for special, id in tokenizer.specials.items():
        text = f"a {special}{special} b"
        assert id not in tokenizer.encode(text)
        assert tokenizer.encode(text, specials=True).count(id) == 2
        assert tokenizer.special(special) == id


@every
def test_specials_in_a_text_can_be_refused(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    plain = "a < b | c"
    assert tokenizer.encode(plain, specials="refuse") == tokenizer.encode(plain)
    for special in tokenizer.specials:
        with pytest.raises(TokenizerError) as caught:
            tokenizer.encode(f"é {special}", specials="refuse")
        assert f"the special token {special!r} at character 2; allow it by" in str(caught.value)
        assert "\n" not in str(caught.value)


@every
def test_some_specials_can_be_allowed_and_the_others_refused(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    for allowed, id in tokenizer.specials.items():
        for kind in (list, tuple, set, frozenset):
            ids, offsets = tokenizer.encode_with_offsets(f"a{allowed}", specials=kind([allowed]))
            assert ids == [*tokenizer.encode("a"), id]
            assert offsets[-1] == (1, 1 + len(allowed.encode()))
        for other in set(tokenizer.specials) - {allowed}:
            with pytest.raises(TokenizerError, match="the text holds the special token"):
                tokenizer.encode(f"{allowed} {other}", specials=[allowed])
    with pytest.raises(UnknownName, match=r"no special token '<\|nope\|>'"):
        tokenizer.encode("a", specials=["<|nope|>"])


def test_a_special_is_not_given_as_a_bare_string() -> None:
    with pytest.raises(TokenizerError, match=r"specials is '<end>'.* such as \['<end>'\]"):
        TOKENIZERS["bytes with three specials"].encode("a", specials="<end>")


@every
def test_an_unknown_special_is_named(name: str) -> None:
    with pytest.raises(UnknownName, match=r"no special token '<\|nope\|>'"):
        TOKENIZERS[name].special("<|nope|>")


@every
@pytest.mark.parametrize("beyond", [0, 10])
def test_ids_outside_the_vocabulary_are_named(name: str, beyond: int) -> None:
    tokenizer = TOKENIZERS[name]
    for id in (-1 - beyond, tokenizer.size + beyond):
        with pytest.raises(TokenizerError, match=f"id {id} is outside"):
            tokenizer.decode([0, id])
        with pytest.raises(TokenizerError, match=f"id {id} is outside"):
            tokenizer.piece(id)


@every
def test_a_lone_surrogate_is_an_error_with_its_place(name: str) -> None:
    with pytest.raises(TokenizerError, match=r"character 3 is the lone surrogate U\+D800"):
        TOKENIZERS[name].encode("abc\ud800")


@every
def test_a_pickled_tokenizer_is_the_same(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokenizer.encode(TEXT)
    back = pickle.loads(pickle.dumps(tokenizer))
    assert back.description() == tokenizer.description()
    assert back.encode(TEXT, specials=True) == tokenizer.encode(TEXT, specials=True)


@every
def test_threads_may_share_a_tokenizer(name: str) -> None:
    tokenizer = pickle.loads(pickle.dumps(TOKENIZERS[name]))  # remembers nothing yet
    texts = [TEXT[start:] for start in range(64)]
    expected = [TOKENIZERS[name].encode(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokenizer.encode, texts)) == expected


def test_descriptions_tell_tokenizers_apart() -> None:
    descriptions = [tokenizer.description() for tokenizer in TOKENIZERS.values()]
    assert len({fingerprint(description) for description in descriptions}) == len(TOKENIZERS)


def test_of_specials_that_start_together_the_longest_is_found() -> None:
    tokenizer = TOKENIZERS["bytes with three specials"]
    assert tokenizer.encode("<end>><end>", specials=True) == [257, 256]


@every
def test_end_and_begin_are_ids_or_none(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert isinstance(tokenizer, PieceTokenizer)
    for id in (tokenizer.end, tokenizer.begin):
        assert id is None or tokenizer.piece(id).decode() in tokenizer.specials


def test_the_room_needs_no_torch() -> None:
    code = (
        "import pkgutil, sys, importlib, practicum.tokenizers as room\n"
        "for module in pkgutil.iter_modules(room.__path__, 'practicum.tokenizers.'):\n"
        "    importlib.import_module(module.name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
