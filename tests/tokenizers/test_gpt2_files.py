"""GPT-2's two files: the released ones where they are, and what is refused."""

import json
from pathlib import Path

import pytest
import tiktoken
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizer_kinds import TEXT
from tokenizers import Tokenizer, models, pre_tokenizers

from practicum.data.fetch import locate
from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.gpt2_files import load_gpt2_files, save_gpt2_files
from practicum.tokenizers.patterns import GPT2
from practicum.tokenizers.tiktoken_ranks import GPT2_SPECIALS, merges_of_ranks


def test_the_released_files_give_tiktokens_ids() -> None:
    folder = locate("gpt2-vocabulary")
    if folder is None:
        pytest.skip("GPT-2's vocabulary is not here: practicum data add gpt2-vocabulary")
    encoder, merges = (next(folder.rglob(name)) for name in ("encoder.json", "vocab.bpe"))
    ours = load_gpt2_files(encoder, merges)
    assert ours.size == 50_257
    assert ours.specials == GPT2_SPECIALS
    ranks = {piece: id for id, piece in enumerate(ours.vocabulary()[:-1])}
    assert tuple(merges_of_ranks(ranks)) == ours.merges
    theirs = tiktoken.Encoding(
        "gpt2",
        pat_str=r50k_pat_str,
        mergeable_ranks=ranks,
        special_tokens=dict(GPT2_SPECIALS),
    )
    text = TEXT + Path(__file__).read_text(encoding="utf-8") + "<|endoftext|> 東京 café \n "
    assert ours.encode(text) == theirs.encode_ordinary(text)
    assert ours.encode(text, specials=True) == theirs.encode(text, allowed_special="all")


def files(folder: Path, vocabulary: object, merges: str) -> tuple[Path, Path]:
    (folder / "encoder.json").write_text(json.dumps(vocabulary))
    (folder / "vocab.bpe").write_text(merges)
    return folder / "encoder.json", folder / "vocab.bpe"


def test_a_vocabulary_without_an_end_has_none(tmp_path: Path) -> None:
    ours = load_gpt2_files(*files(tmp_path, {"a": 0, "b": 2, "ab": 1}, "#version: 0.2\na b\n"))
    assert ours.encode("abba") == [1, 2, 0]
    assert ours.end is None


@pytest.mark.parametrize(
    ("vocabulary", "merges", "message"),
    [
        ({"a": 0, "b": 2}, "", "are not 0 to 1"),
        ({"a": 0, "b": "1"}, "", "are not 0 to 1"),
        (["a"], "", "holds no object"),
        ({"a": 0}, "a b c\n", "line 1: 'a b c' is not two tokens"),
        ({"a": 0, "aa": 1}, "#version: 0.2\n\na a\n", "line 2: '' is not two tokens"),
        ({"a": 0}, "a a\n", "line 1, 'a a': the vocabulary lacks 'aa'"),
        ({"a": 0, "aa": 1, "aaa": 2}, "aa a\n", "line 1, 'aa a': no line before makes 'aa'"),
        ({"a": 0, "aa": 1, "aaa": 2}, "a a\n", "has a hole: no line makes the token 'aaa'"),
        ({"東": 0}, "", "not in the byte-level alphabet"),
    ],
)
def test_what_is_not_read_is_named(
    tmp_path: Path, vocabulary: object, merges: str, message: str
) -> None:
    with pytest.raises(TokenizerError, match=message):
        load_gpt2_files(*files(tmp_path, vocabulary, merges))


def test_written_files_are_read_back(tmp_path: Path) -> None:
    trained = train_bpe([TEXT], 340)
    paths = tmp_path / "encoder.json", tmp_path / "vocab.bpe"
    save_gpt2_files(trained, *paths)
    assert load_gpt2_files(*paths).description() == trained.description()
    theirs = Tokenizer(models.BPE.from_file(*map(str, paths)))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert theirs.encode(TEXT).ids == trained.encode(TEXT)


def test_what_the_files_cannot_hold_is_not_written(tmp_path: Path) -> None:
    paths = tmp_path / "encoder.json", tmp_path / "vocab.bpe"
    with pytest.raises(TokenizerError, match="no special token but"):
        save_gpt2_files(train_bpe([TEXT], 300, specials=("<a>",)), *paths)
    with pytest.raises(TokenizerError, match="token 1 is written '', which is no name of its own"):
        save_gpt2_files(BPE([b"a", b""], [], pattern=GPT2, specials={}), *paths)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"cannot read .*encoder\.json"):
        load_gpt2_files(tmp_path / "encoder.json", tmp_path / "vocab.bpe")
    (tmp_path / "encoder.json").write_text('{"a": ')
    with pytest.raises(TokenizerError, match="truncated or not JSON"):
        load_gpt2_files(tmp_path / "encoder.json", tmp_path / "vocab.bpe")
