"""`tokenizer.json`: Hugging Face opens ours, we open theirs, and damage is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, TOKENIZERS, patient
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import AutoTokenizer

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.patterns import GPT4, SMOL, SplitPattern

TRAINED = TOKENIZERS["gpt2"]
every = pytest.mark.parametrize("name", TOKENIZERS)
HARD = TEXT + "  \n\t x\x85\xa0\u3000 ９ ٣ ⅷ it'ſ 'S \x1c\x1c 😀 <|endoftext|><end>><s>"


@pytest.fixture(scope="module", params=list(TOKENIZERS))
def pair(request, tmp_path_factory):
    """A tokenizer of ours, and what Hugging Face makes of its file."""
    ours = TOKENIZERS[request.param]
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    save_tokenizer(ours, path)
    return ours, Tokenizer.from_file(str(path))


@patient
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=40) | st.just(HARD))
def test_hugging_face_gives_our_ids(pair, text: str) -> None:
    ours, theirs = pair
    ids = ours.encode(text, specials=True)
    assert theirs.encode(text, add_special_tokens=False).ids == ids
    assert theirs.decode(ids, skip_special_tokens=False) == text


def test_hugging_face_begins_where_we_say(pair) -> None:
    ours, theirs = pair
    begin = [] if ours.begin is None else [ours.begin]
    assert theirs.encode("the").ids == begin + ours.encode("the")


@every
def test_a_file_gives_back_the_tokenizer(name: str, tmp_path: Path) -> None:
    ours = TOKENIZERS[name]
    save_tokenizer(ours, tmp_path / "one.json")
    assert load_tokenizer(tmp_path / "one.json").description() == ours.description()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.json", "one_config.json"]


@pytest.mark.parametrize("expression", [r"\p{N}{1,3}+|\D", r"\s++\Z|."])
def test_a_pattern_that_means_something_else_there_is_not_written(
    expression: str, tmp_path: Path
) -> None:
    pattern = SplitPattern(name="possessive", unicode=expression)
    tokenizer = BPE([bytes([byte]) for byte in range(256)], [], pattern=pattern, specials={})
    with pytest.raises(TokenizerError, match="which means something else in a tokenizer.json"):
        save_tokenizer(tokenizer, tmp_path)


def test_a_folder_will_do_and_its_other_settings_stay(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    save_tokenizer(TRAINED, tmp_path)
    assert load_tokenizer(str(tmp_path)).encode(TEXT) == TRAINED.encode(TEXT)
    kept = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert kept["chat_template"] == "{{ messages }}"
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.eos_token_id == TRAINED.end
    assert theirs("they'll  see ")["input_ids"] == TRAINED.encode("they'll  see ")


def test_the_usual_end_is_found_without_a_configuration(tmp_path: Path) -> None:
    save_tokenizer(TRAINED, tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    assert load_tokenizer(tmp_path).end == TRAINED.end


# Files by others, built the way theirs are


def _theirs(trained: BPE, *, merges_as_lists: bool = True, **model: Any) -> Tokenizer:
    vocabulary = {printable(piece): id for id, piece in enumerate(trained.vocabulary())}
    merges = [(printable(left), printable(right)) for left, right in trained.merges]
    theirs = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, **model))
    theirs.decoder = decoders.ByteLevel()
    return theirs


def _read(theirs: Tokenizer, folder: Path, **configuration: Any) -> BPE | ByteTokenizer:
    theirs.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    return load_tokenizer(folder)


def test_a_file_like_gpt2s_is_read(tmp_path: Path) -> None:
    theirs = _theirs(train_bpe([TEXT], 330, specials=()), continuing_subword_prefix="")
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.post_processor = processors.ByteLevel(trim_offsets=False)
    theirs.add_special_tokens(["<|endoftext|>"])
    data = json.loads(theirs.to_str())
    del data["model"]["type"]  # as in the file on the hub, with merges as text
    data["model"]["merges"] = [" ".join(merge) for merge in data["model"]["merges"]]
    for stage in ("pre_tokenizer", "post_processor", "decoder"):
        data[stage].pop("use_regex", None)
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    ours = load_tokenizer(tmp_path)
    assert ours.encode(HARD, specials=True) == theirs.encode(HARD).ids
    assert ours.end == 330


def test_a_file_like_llama3s_is_read(tmp_path: Path) -> None:
    theirs = _theirs(train_bpe([TEXT], 330, pattern=GPT4, specials=()), ignore_merges=True)
    split = pre_tokenizers.Split(Regex(GPT4.unicode), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    theirs.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    theirs.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = processors.TemplateProcessing(
        single="<|begin_of_text|> $A",
        pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
        special_tokens=[("<|begin_of_text|>", 330)],
    )
    theirs.post_processor = processors.Sequence([processors.ByteLevel(), begin])
    ours = _read(theirs, tmp_path, eos_token={"content": "<|eot_id|>"})
    assert (ours.begin, ours.end) == (330, 332)
    assert ours.pattern == GPT4
    assert [ours.begin, *ours.encode(HARD, specials=True)] == theirs.encode(HARD).ids


def test_a_file_like_smollms_is_read(tmp_path: Path) -> None:
    trained = train_bpe([TEXT], 330, pattern=SMOL, specials=())
    theirs = _theirs(trained)
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    theirs.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    ours = _read(theirs, tmp_path, eos_token="<|im_end|>", bos_token="<|im_start|>")
    assert (ours.begin, ours.end) == (None, 332)
    assert ours.encode(HARD, specials=True) == theirs.encode(HARD).ids


def test_a_split_of_ones_own_is_read_with_its_gaps(tmp_path: Path) -> None:
    theirs = _theirs(train_bpe([TEXT], 300, specials=()))
    split = pre_tokenizers.Split(Regex(r"\w+"), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    theirs.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    assert _read(theirs, tmp_path).encode(TEXT) == theirs.encode(TEXT).ids


def _metaspace(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = pre_tokenizers.Metaspace()


def _prefix_space(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)


def _no_split(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def _nothing(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = None  # type: ignore[assignment]


def _merged_split(theirs: Tokenizer) -> None:
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(" "), "merged_with_next"),
            pre_tokenizers.ByteLevel(False, use_regex=False),
        ]
    )


def _normalised(theirs: Tokenizer) -> None:
    theirs.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])


def _word_piece_decoder(theirs: Tokenizer) -> None:
    theirs.decoder = decoders.WordPiece()


def _ends_texts(theirs: Tokenizer) -> None:
    theirs.post_processor = processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", 300)]
    )


def _word_level(theirs: Tokenizer) -> None:
    theirs.model = models.WordLevel({"a": 0}, unk_token="a")


def _unigram(theirs: Tokenizer) -> None:
    theirs.model = models.Unigram([("a", -1.0)], unk_id=0, byte_fallback=False)


def _strips(theirs: Tokenizer) -> None:
    theirs.add_special_tokens([AddedToken("<mask>", lstrip=True)])


def _byte_fallback(theirs: Tokenizer) -> None:
    theirs.model = models.BPE(vocab={"a": 0}, merges=[], byte_fallback=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_metaspace, "the pre-tokenizer is Metaspace"),
        (_prefix_space, 'the pre-tokenizer is ByteLevel {"add_prefix_space": true}'),
        (_no_split, "merges without a split pattern"),
        (_nothing, "the pre-tokenizer is nothing"),
        (_merged_split, r"the pre-tokenizer is Split .*MergedWithNext.* \+ ByteLevel"),
        (_normalised, r"the normalizer is NFC \+ Lowercase"),
        (_word_piece_decoder, "the decoder is WordPiece"),
        (_ends_texts, "the post-processor is TemplateProcessing"),
        (_word_level, "a WordLevel model; only byte-level BPE"),
        (_unigram, "the pre-tokenizer is ByteLevel"),
        (_strips, "added token '<mask>' has lstrip"),
        (_byte_fallback, "a BPE model with byte_fallback"),
    ],
)
def test_what_is_not_read_is_named(change, message: str, tmp_path: Path) -> None:
    theirs = _theirs(train_bpe([TEXT], 300, specials=()))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.add_special_tokens([AddedToken("<end>", special=True)])
    change(theirs)
    with pytest.raises(TokenizerError, match=message):
        _read(theirs, tmp_path)


# Damage


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_tokenizer(TRAINED, tmp_path)
    return tmp_path / "tokenizer.json"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_one_line(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(TokenizerError, match="truncated or not JSON") as caught:
        load_tokenizer(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"{}", b"null", b"[" * 100_000])
def test_a_file_that_is_something_else_is_one_line(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(TokenizerError, match="tokenizer.json") as caught:
        load_tokenizer(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("model", "vocab"), [1, 2], "vocab is not an object of tokens"),
        (("model", "vocab", "Ġ"), 5, "two tokens have the same id"),
        (("model", "vocab", "!"), 9_999_999, "no token has id 0"),
        (("model", "vocab", "!"), "0", "vocab is not an object of tokens"),
        (("model", "vocab", "日"), 340, "'日', which is not in the byte-level alphabet"),
        (("model", "merges"), ["a b c"], "is not a tokenizer.json"),
        (("model", "merges"), None, "merges is not a list of pairs"),
        (("added_tokens",), {"<s>": 1}, "added_tokens is not a list"),
        (("added_tokens",), [{"id": "1", "content": "x"}], "added_tokens is not a list"),
        (("added_tokens",), [{"id": 339, "content": 7}], "added_tokens is not a list"),
        (("added_tokens",), [{"id": 339}], "it lacks 'content'"),
        (("pre_tokenizer",), "ByteLevel", "is not a tokenizer.json"),
        (("pre_tokenizer",), {"kind": "?"}, "it lacks 'type'"),
        (("model",), None, "model is None, expected an object"),
    ],
)
def test_nonsense_inside_is_one_line(
    saved: Path, place: tuple[str, ...], value: Any, message: str
) -> None:
    data = json.loads(saved.read_text(encoding="utf-8"))
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    saved.write_text(json.dumps(data))
    with pytest.raises(TokenizerError, match=message) as caught:
        load_tokenizer(saved)
    assert "\n" not in str(caught.value)
    assert str(saved) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="cannot read .*nowhere.*No such file"):
        load_tokenizer(tmp_path / "nowhere")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenizerError, match="cannot write"):
        save_tokenizer(TRAINED, tmp_path / "file" / "tokenizer.json")


def test_a_failed_write_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = saved.read_bytes()
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(TokenizerError, match="No space left"):
        save_tokenizer(TOKENIZERS["gpt4"], saved)
    assert saved.read_bytes() == before
    assert sorted(path.name for path in saved.parent.iterdir()) == [
        *("tokenizer.json", "tokenizer_config.json")
    ]


def test_a_special_written_like_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="are both written 'the' in a tokenizer.json"):
        save_tokenizer(train_bpe([TEXT], 340, specials=("the",)), tmp_path)
