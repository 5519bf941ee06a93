"""`tokenizer.json` of Llama's and Gemma's kind: theirs give their ids here, and ours there."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece_kinds import trained
from tokenizer_kinds import TEXT, patient
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from practicum.errors import TokenizerError
from practicum.tokenizers.added_tokens import WithAddedTokens
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.metaspace_bpe import MetaspaceBPE
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import read_sentencepiece
from practicum.tokenizers.streaming import stream_decoder

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

SPECIAL = ["<s>", "</s>"]
RUNS = ["\n\n", "\n\n\n", "  ", "▁▁", "▁▁▁", "\t\t", "<h1>", "the wea", "é"]
CORNERS = ["☃", "東☃", "é", "▁", " ", "  ", "\n", "\t", "<unk>", "<0x0A>", "<h", "1>", "þ", "ƀ"]
TEXTS = st.lists(st.sampled_from([*SPECIAL, *RUNS, *CORNERS, *TEXT.split(" ")[:40]])).map("".join)


def _around(theirs: Tokenizer, *, prefix: bool) -> Tokenizer:
    spaces = normalizers.Replace(" ", "▁")
    last = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if prefix:
        theirs.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
        theirs.decoder = decoders.Sequence([*last, decoders.Strip(content=" ", left=1)])
    else:
        theirs.normalizer = spaces
        theirs.decoder = decoders.Sequence(last)
        theirs.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return theirs


def _converted(setting: str, *, prefix: bool) -> Tokenizer:
    """A model of SentencePiece as `transformers` converts it."""
    pieces = read_sentencepiece(trained("bpe", setting)).pieces
    vocabulary = {piece.text: number for number, piece in enumerate(pieces)}
    scores = {piece.text: piece.score for piece in pieces}
    merges = transformers.tokenization_utils_base.generate_merges(vocabulary, scores)
    model = models.BPE(
        vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    theirs = _around(Tokenizer(model), prefix=prefix)
    theirs.add_special_tokens(["<unk>", *SPECIAL])
    theirs.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return theirs


def _gemma() -> Tokenizer:
    """Merges of pairs that go across words; runs that are both joined and found beforehand."""
    theirs = _around(Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True)), prefix=False)
    theirs.pre_tokenizer = None  # type: ignore[assignment]
    specials = ["<unk>", *SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=specials, show_progress=False)
    theirs.train_from_iterator([TEXT, "a  b   c    d\n\n\n  the"] * 3, trainer)
    data = json.loads(theirs.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"][:3] != "<0x"]
    data["model"]["byte_fallback"] = True
    theirs = _around(Tokenizer.from_str(json.dumps(data)), prefix=False)
    theirs.add_tokens([AddedToken(run, normalized=run == "<h1>") for run in RUNS])
    return theirs


def _llama_with_runs() -> Tokenizer:
    theirs = _converted("lossless with prefix", prefix=True)
    theirs.add_tokens([AddedToken(run, normalized=False) for run in RUNS])
    return theirs


MAKERS = {
    "llama": lambda: _converted("lossless with prefix", prefix=True),
    "llama with runs": _llama_with_runs,
    "converted, no prefix": lambda: _converted("lossless", prefix=False),
    "gemma": _gemma,
}


@pytest.fixture(scope="module", params=MAKERS)
def trio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Theirs, ours read from its file, and theirs read from ours."""
    folder = tmp_path_factory.mktemp("tokenizer")
    theirs = MAKERS[request.param]()
    theirs.save(str(folder / "theirs.json"))
    mine = load_tokenizer(folder / "theirs.json")
    assert isinstance(mine, WithAddedTokens) == (request.param in ("gemma", "llama with runs"))
    save_tokenizer(mine, folder / "ours.json")
    assert load_tokenizer(folder / "ours.json").description() == mine.description()
    return theirs, mine, Tokenizer.from_file(str(folder / "ours.json"))


@patient
@given(text=TEXTS | st.text(st.characters(exclude_categories=["Cs"])))
def test_both_ways_ids_and_texts_are_theirs(trio, text: str) -> None:
    theirs, mine, again = trio
    text = text.replace("<unk>", "<unknown>")  # which no text says here
    ids = theirs.encode(text, add_special_tokens=False).ids
    assert again.encode(text, add_special_tokens=False).ids == ids
    assert mine.encode(text, specials=True) == ids
    once = mine.decode(ids)
    assert once == theirs.decode(ids, skip_special_tokens=False)
    if not any(special in text for special in SPECIAL):
        assert mine.encode(text) == ids
    decoder = stream_decoder(mine)
    streamed = "".join([*map(decoder.push, ids), decoder.finish()])
    assert streamed in (once, " " + once)


@patient
@given(text=TEXTS)
def test_offsets_cover_the_text(trio, text: str) -> None:
    _, mine, _ = trio
    ids, offsets = mine.encode_with_offsets(text, specials=True)
    assert ids == mine.encode(text, specials=True)
    assert [0, *(stop for _, stop in offsets)] == [
        *(start for start, _ in offsets),
        len(text.encode()),
    ]


def test_long_words_and_texts_are_cut_alike(trio) -> None:
    theirs, mine, _ = trio
    for text in ("the" * 200, " " * 300, TEXT + "☃" * 100, TEXT.replace(" ", "")):
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert mine.encode(text) == ids
        assert mine.decode(ids) == theirs.decode(ids)
        if not (isinstance(mine, WithAddedTokens) and mine.begin):  # a ▁ after each added token
            assert mine.decode(ids) == text
        assert pickle.loads(pickle.dumps(mine)).encode(text) == ids


def test_roles_are_read(trio) -> None:
    theirs, mine, _ = trio
    assert mine.end == theirs.token_to_id("</s>")
    assert mine.begin == (1 if theirs.post_processor else None)
    assert set(mine.specials) == set(SPECIAL)


def test_a_converted_model_cuts_as_sentencepiece_does(tmp_path: Path) -> None:
    _converted("lossless with prefix", prefix=True).save(str(tmp_path / "tokenizer.json"))
    model = read_sentencepiece(trained("bpe", "lossless with prefix"))
    mine = load_tokenizer(tmp_path)
    assert isinstance(mine, MetaspaceBPE)
    assert mine.encode(TEXT) == SentencePieceBPE(model).encode(TEXT)


def _edited(folder: Path, change: Any) -> Path:
    data = json.loads(_llama_with_runs().to_str())
    change(data)
    (folder / "tokenizer.json").write_text(json.dumps(data))
    return folder


REFUSED = {
    "a space at the begin alone": (
        lambda d: d.update(pre_tokenizer={"type": "Metaspace", "prepend_scheme": "first"}),
        "pre-tokenizer is Metaspace",
    ),
    "another normalizer": (
        lambda d: d["normalizer"]["normalizers"].append({"type": "NFKC"}),
        "normalizer is Prepend . Replace .* NFKC",
    ),
    "another decoder": (lambda d: d["decoder"]["decoders"].pop(), "decoder is Replace"),
    "no unknown token": (lambda d: d["model"].update(unk_token=None), "unk_token is None"),
    "whole words": (lambda d: d["model"].update(ignore_merges=True), "model with ignore_merges"),
    "an unknown that is not one": (
        lambda d: d["model"].update(byte_fallback=False, fuse_unk=False),
        "does not fuse the unknown",
    ),
    "a token in normalised text": (
        lambda d: d["added_tokens"][-1].update(normalized=True),
        "'é' is looked for in normalised text",
    ),
    "a hole": (lambda d: d["added_tokens"][-1].update(id=9999), "no token has id"),
    "a merge of nothing": (lambda d: d["model"]["merges"].append(["q", "☃"]), "no token 'q"),
    "a token that takes spaces": (
        lambda d: d["added_tokens"][-1].update(rstrip=True),
        "'é' has rstrip",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_named(what: str, tmp_path: Path) -> None:
    change, words = REFUSED[what]
    with pytest.raises(TokenizerError, match=words):
        load_tokenizer(_edited(tmp_path, change))


def test_what_a_file_cannot_say_is_not_written(tmp_path: Path) -> None:
    for setting in ("bytes", "defaults"):
        mine = MetaspaceBPE(read_sentencepiece(trained("bpe", setting)), [])
        with pytest.raises(TokenizerError, match="changes no text but for spaces"):
            save_tokenizer(mine, tmp_path / setting)
