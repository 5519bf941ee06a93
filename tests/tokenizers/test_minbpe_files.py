"""minbpe's files: written, read back, and as minbpe writes them; what is refused."""

from pathlib import Path

import pytest
from tokenizer_kinds import TEXT

from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_merging import MINBPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.minbpe_files import load_minbpe, save_minbpe
from practicum.tokenizers.patterns import CL100K, GPT2, WHOLE, SplitPattern

BASIC = "minbpe v1\n\n0\n97 97\n256 97\n257 98\n"  # what BasicTokenizer.save writes
PATTERNS = [GPT2, CL100K, WHOLE, SplitPattern(name="custom", unicode=r"\w+")]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_written_files_are_read_back(tmp_path: Path, pattern: SplitPattern) -> None:
    trained = train_bpe([TEXT], 330, pattern=pattern, convention=MINBPE)
    save_minbpe(trained, tmp_path / "ours")
    back = load_minbpe(tmp_path / "ours.model")
    assert back.description() == trained.description()
    assert back.pattern == pattern
    assert back.encode(TEXT + "<|endoftext|>", specials=True)[-1] == 329
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.model", "ours.vocab"]


def test_the_example_of_minbpe_is_written_as_there(tmp_path: Path) -> None:
    trained = train_bpe(["aaabdaaabac"], 259, pattern=WHOLE, specials=(), convention=MINBPE)
    save_minbpe(trained, tmp_path / "basic")
    assert (tmp_path / "basic.model").read_text() == BASIC
    lines = (tmp_path / "basic.vocab").read_text().splitlines()
    assert lines[97] == "[a] 97"
    assert lines[10] == r"[\u000a] 10"
    assert lines[257] == "[aa][a] -> [aaa] 257"
    assert load_minbpe(tmp_path / "basic.model").encode("aaabdaaabac") == [258, 100, 258, 97, 99]


def test_specials_may_lie_far_behind_the_merges(tmp_path: Path) -> None:
    (tmp_path / "m.model").write_text("minbpe v1\n\n1\n<|endoftext|> 100257\n97 97\n")
    ours = load_minbpe(tmp_path / "m.model")
    assert ours.encode("aa<|endoftext|>", specials=True) == [256, 100257]
    assert ours.end == 100257
    assert ours.piece(300) == b""
    save_minbpe(ours, tmp_path / "again")
    assert (tmp_path / "again.model").read_text() == (tmp_path / "m.model").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a minbpe model"),
        ("minbpe v2\n\n0\n", "its first line is 'minbpe v2'"),
        ("minbpe v1\n\nx\n", "not a minbpe model"),
        ("minbpe v1\n\n2\n<a> 300\n", "ends before its 2 special tokens"),
        ("minbpe v1\n\n0\n97 256\n", "line 4: '97 256' is not two ids below 256"),
        ("minbpe v1\n\n0\n97 97\n\n97 98\n", "line 5: '' is not two ids below 257"),
        ("minbpe v1\n\n0\n97 98 99\n", "line 4: '97 98 99' is not two ids"),
        ("minbpe v1\n\n1\n<a> 256\n97 97\n", "line 4: '<a> 256' is not a special token and an id"),
        ("minbpe v1\n(\n0\n97 97\n", "not a regular expression"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.model").write_text(text)
    with pytest.raises(TokenizerError, match=message) as caught:
        load_minbpe(tmp_path / "m.model")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="cannot read"):
        load_minbpe(tmp_path / "none.model")
    (tmp_path / "m.model").write_bytes(b"minbpe v1\n\xff\n0\n")
    with pytest.raises(TokenizerError, match="cannot read"):
        load_minbpe(tmp_path / "m.model")


def test_what_the_format_cannot_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="train with convention=MINBPE"):
        save_minbpe(train_bpe([TEXT], 300), tmp_path / "m")
    spaced = train_bpe([TEXT], 300, specials=("<a b>",), convention=MINBPE)
    with pytest.raises(TokenizerError, match="the special token '<a b>'"):
        save_minbpe(spaced, tmp_path / "m")
    broken = SplitPattern(name="two lines", unicode="a\n|b")
    with pytest.raises(TokenizerError, match="not one line"):
        save_minbpe(BPE(spaced.vocabulary()[:256], [], pattern=broken, specials={}), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
