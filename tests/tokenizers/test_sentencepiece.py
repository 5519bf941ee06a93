"""Tokenizers out of SentencePiece files: against Google's library, and by the laws of all others.

The laws hold where a model leaves a text whole, and for texts without ▁, which is a space in one.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece_kinds import KINDS, LOSSLESS_KINDS, ours, theirs
from tokenizer_kinds import TEXT, patient

from practicum.config import fingerprint
from practicum.errors import TokenizerError
from practicum.tokenizers.protobuf import fields
from practicum.tokenizers.sentencepiece_normalizer import SPACE
from practicum.tokenizers.streaming import stream_decoder

ANY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("the 's'LL1\n\t\r  é東\x1c\x85<|>▁ﬁ①ｆe\u0301\u3000\0"),
    st.lists(st.sampled_from(["<sep>", "<se", "p>", "th", " ", "the", "a", "東"])).map("".join),
    st.lists(st.sampled_from(TEXT.split(" "))).map(" ".join),
)
PLAIN = ANY.map(lambda text: text.replace(SPACE, ""))
brief = settings(patient, max_examples=12)  # there are many models
every = pytest.mark.parametrize(("algorithm", "setting"), KINDS)
lossless = pytest.mark.parametrize(("algorithm", "setting"), LOSSLESS_KINDS)


@every
@brief
@given(text=ANY)
def test_ids_and_text_are_googles(algorithm: str, setting: str, text: str) -> None:
    mine, google = ours(algorithm, setting), theirs(algorithm, setting)
    ids = mine.encode(text)
    assert ids == google.encode(text)
    assert mine.decode(ids) == google.decode(ids)


@every
def test_ids_of_a_long_text_are_googles(algorithm: str, setting: str) -> None:
    text = TEXT * 20  # where sums of 32 bits have lost their last digits
    assert ours(algorithm, setting).encode(text) == theirs(algorithm, setting).encode(text)


@every
@brief
@given(text=ANY)
def test_offsets_are_googles(algorithm: str, setting: str, text: str) -> None:
    mine, google = ours(algorithm, setting), theirs(algorithm, setting)
    ids, offsets = mine.encode_with_offsets(text)
    found = google.encode(text, out_type="serialized_proto")
    # SentencePieceText: of its pieces (2) the id (2), begin (4) and end (5).
    messages = [value for number, value in fields(found) if number == 2]
    pieces = [dict(fields(value)) for value in messages if isinstance(value, bytes)]
    assert ids == [piece[2] for piece in pieces]
    for id, offset, piece in zip(ids, offsets, pieces, strict=True):
        if not google.is_byte(id):  # of a character's bytes, Google's last one has it all
            assert offset == (piece[4], piece[5])


@every
@brief
@given(text=ANY)
def test_offsets_have_no_gaps(algorithm: str, setting: str, text: str) -> None:
    ids, offsets = ours(algorithm, setting).encode_with_offsets(text, specials=True)
    assert len(ids) == len(offsets)
    assert all(start <= stop for start, stop in offsets)
    assert [start for start, _ in offsets[1:]] == [stop for _, stop in offsets[:-1]]


@lossless
@brief
@given(text=PLAIN)
def test_decoding_undoes_encoding(algorithm: str, setting: str, text: str) -> None:
    tokenizer = ours(algorithm, setting)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    for marked in (text, f"<s>{text}</s>", f"{text}<s>{text}", f"</s><s> {text}"):
        ids, offsets = tokenizer.encode_with_offsets(marked, specials=True)
        assert ids == tokenizer.encode(marked, specials=True)
        assert tokenizer.decode(ids) == marked
        assert ids.count(1) == marked.count("<s>")
        assert not text or [offsets[0][0], offsets[-1][1]] == [0, len(marked.encode())]


@lossless
@brief
@given(text=PLAIN)
def test_offsets_hold_the_pieces(algorithm: str, setting: str, text: str) -> None:
    tokenizer = ours(algorithm, setting)
    ids, offsets = tokenizer.encode_with_offsets(text)
    prefix = tokenizer.model.dummy_prefix
    for place, (id, (start, stop)) in enumerate(zip(ids, offsets, strict=True)):
        piece = tokenizer.piece(id)
        if prefix and not place:
            piece = piece[1:]
        assert text.encode()[start:stop] == piece


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
@brief
@given(data=st.data())
def test_streamed_text_is_decoded_text(algorithm: str, data: st.DataObject) -> None:
    tokenizer = ours(algorithm, "lossless")
    ids = data.draw(st.lists(st.integers(0, tokenizer.size - 1)))
    decoder = stream_decoder(tokenizer)
    streamed = "".join([*map(decoder.push, ids), decoder.finish()])
    assert streamed == tokenizer.decode(ids)


@every
def test_the_vocabulary_lists_every_piece(algorithm: str, setting: str) -> None:
    tokenizer = ours(algorithm, setting)
    vocabulary = tokenizer.vocabulary()
    assert vocabulary == [tokenizer.piece(id) for id in range(tokenizer.size)]
    assert all(vocabulary[id] == text.encode() for text, id in tokenizer.specials.items())
    assert tokenizer.specials["</s>"] == tokenizer.end
    assert tokenizer.begin == (None if setting == "control" else tokenizer.special("<s>"))


@every
def test_specials_count_as_specials_only_when_asked(algorithm: str, setting: str) -> None:
    tokenizer = ours(algorithm, setting)
    for special, id in tokenizer.specials.items():
        text = f"a {special}{special} b"
        assert id not in tokenizer.encode(text)
        assert tokenizer.encode(text, specials=True).count(id) == 2


@every
def test_a_lone_surrogate_is_an_error_with_its_place(algorithm: str, setting: str) -> None:
    tokenizer = ours(algorithm, setting)
    with pytest.raises(TokenizerError, match=r"character 3 is the lone surrogate U\+D800"):
        tokenizer.encode("abc\ud800")
    with pytest.raises(TokenizerError, match=r"character 5 is the lone surrogate U\+D800"):
        tokenizer.encode_with_offsets("</s>c\ud800", specials=True)


@every
def test_ids_outside_the_vocabulary_are_named(algorithm: str, setting: str) -> None:
    tokenizer = ours(algorithm, setting)
    with pytest.raises(TokenizerError, match=f"id {tokenizer.size} is outside"):
        tokenizer.decode([0, tokenizer.size])


@every
def test_a_pickled_tokenizer_is_the_same_and_shared_by_threads(
    algorithm: str, setting: str
) -> None:
    tokenizer = ours(algorithm, setting)
    back = pickle.loads(pickle.dumps(tokenizer))  # remembers nothing yet
    assert back.description() == tokenizer.description()
    texts = [TEXT[start:300] for start in range(0, 256, 8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(back.encode, texts)) == [tokenizer.encode(text) for text in texts]


def test_descriptions_tell_models_apart() -> None:
    descriptions = [ours(*kind).description() for kind in KINDS]
    assert len({fingerprint(description) for description in descriptions}) == len(KINDS)


@pytest.mark.parametrize("letter", ["a", " ", "1", "e\u0301", "東", "\U0001f600", SPACE])
@pytest.mark.parametrize("setting", ["bytes", "white space", "symbols and rules"])
@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_a_long_run_of_one_letter_is_no_trap(algorithm: str, setting: str, letter: str) -> None:
    run = letter * 4_000
    started = perf_counter()
    ids, _ = ours(algorithm, setting).encode_with_offsets(run)
    assert ids == theirs(algorithm, setting).encode(run)
    assert perf_counter() - started < 20  # some hundredths; a quadratic way takes far longer


def test_control_pieces_can_be_allowed_and_refused() -> None:
    tokenizer = ours("bpe", "control")
    mask = tokenizer.special("<mask>")
    assert tokenizer.encode("a<mask>b", specials=["<mask>"]).count(mask) == 1
    assert tokenizer.encode_with_offsets("a<mask>b", specials=["<mask>"])[1][-2] == (1, 7)
    with pytest.raises(TokenizerError, match="the special token '</s>' at character 7"):
        tokenizer.encode("a<mask></s>", specials=["<mask>"])


def test_sums_too_large_for_32_bits_begin_anew_where_googles_do() -> None:
    text = TEXT * 400  # the sum of its scores goes beyond the limit ten times
    tokenizer, google = ours("unigram", "lossless"), theirs("unigram", "lossless")
    assert tokenizer.encode(text) == google.encode(text)


@pytest.mark.parametrize("unit", ["a", "th", "  "])
def test_long_words_are_googles(unit: str) -> None:
    for algorithm in ("bpe", "unigram"):
        text = unit * 30_000
        tokenizer, google = ours(algorithm, "white space"), theirs(algorithm, "white space")
        assert tokenizer.encode(text) == google.encode(text)
