"""Rank files: against tiktoken on GPT-4's ranks, and what is refused."""

import gzip
from pathlib import Path

import pytest
import regex
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizer_kinds import TEXT, patient

from practicum.data.fetch import locate
from practicum.errors import TokenizerError
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import BYTE_ORDER
from practicum.tokenizers.patterns import CL100K, GPT2, GPT4
from practicum.tokenizers.tiktoken_ranks import (
    CL100K_SPECIALS,
    byte_permutation,
    load_ranks,
    merges_of_ranks,
    read_ranks,
    tokenizer_from_ranks,
    write_ranks,
)

ANY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("ab 's'LL1\n\t\r  é東\x1c\x85ſ"),
)
BYTE_RANKS = {bytes([byte]): rank for rank, byte in enumerate(BYTE_ORDER)}
# As in tiktoken_ext.openai_public.
THEIR_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


@pytest.fixture(scope="module")
def ranks() -> dict[bytes, int]:
    path = locate("cl100k")
    if path is None:
        pytest.skip("GPT-4's ranks are not here: practicum data add cl100k")
    return read_ranks(path)


@pytest.fixture(scope="module")
def gpt4(ranks: dict[bytes, int]) -> BPE:
    return tokenizer_from_ranks(ranks, pattern=CL100K, specials=CL100K_SPECIALS)


@pytest.fixture(scope="module")
def theirs(ranks: dict[bytes, int]) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        "cl100k",
        pat_str=THEIR_CL100K,
        mergeable_ranks=ranks,
        special_tokens=dict(CL100K_SPECIALS),
    )


def test_gpt4s_vocabulary_is_whole(gpt4: BPE, ranks: dict[bytes, int]) -> None:
    assert len(ranks) == 100_256
    assert len(gpt4.merges) == 100_000
    assert gpt4.size == 100_277
    assert byte_permutation(ranks) == BYTE_ORDER
    assert gpt4.end == 100_257
    assert gpt4.decode([100_256, 100_265]) == ""  # ids that nobody uses


def test_published_examples_of_gpt4_come_out(gpt4: BPE) -> None:
    ids = [15339, 4513, 12340, 30, 320, 31495, 230, 75265, 243, 92245, 16715, 57037]
    assert gpt4.encode("hello123!!!? (안녕하세요!) 😉") == ids
    assert gpt4.encode("<|endoftext|>hello world", specials=True) == [100257, 15339, 1917]


def test_gpt4s_ids_of_files_are_those_of_tiktoken(gpt4: BPE, theirs: tiktoken.Encoding) -> None:
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert gpt4.encode(text) == theirs.encode_ordinary(text)
    mixed = TEXT + "<|fim_prefix|>" + TEXT + "<|endofprompt|>  \r\n "
    assert gpt4.encode(mixed, specials=True) == theirs.encode(mixed, allowed_special="all")


def test_gpt4s_ids_of_any_text_are_those_of_tiktoken(gpt4: BPE, theirs: tiktoken.Encoding) -> None:
    @patient
    @given(text=ANY)
    def agree(text: str) -> None:
        ids = gpt4.encode(text)
        assert ids == theirs.encode_ordinary(text)
        assert gpt4.decode(ids) == text

    agree()


@patient
@given(
    parts=st.lists(st.sampled_from([*CL100K_SPECIALS, "<|endoftext", "a b", "é", "|>"])),
    allowed=st.sets(st.sampled_from([*CL100K_SPECIALS])),
)
def test_specials_are_allowed_and_refused_as_by_tiktoken(
    parts: list[str], allowed: set[str]
) -> None:
    ours = tokenizer_from_ranks(BYTE_RANKS, pattern=CL100K, specials=CL100K_SPECIALS)
    theirs = tiktoken.Encoding(
        "bytes",
        pat_str=THEIR_CL100K,
        mergeable_ranks=BYTE_RANKS,
        special_tokens=dict(CL100K_SPECIALS),
    )
    text = "".join(parts)
    try:
        expected = theirs.encode(text, allowed_special=allowed)
    except ValueError:
        with pytest.raises(TokenizerError, match="holds the special token"):
            ours.encode(text, specials=allowed)
    else:
        assert ours.encode(text, specials=allowed) == expected
    assert ours.encode(text) == theirs.encode(text, disallowed_special=())
    assert ours.encode(text, specials=True) == theirs.encode(text, allowed_special="all")


@pytest.mark.parametrize("letter", ["a", " ", "\n", "é", "1", "!"])
def test_a_long_run_of_one_letter_is_no_trap(
    gpt4: BPE, theirs: tiktoken.Encoding, letter: str
) -> None:
    run = letter * 20_000
    assert gpt4.encode(run) == theirs.encode_ordinary(run)


@patient
@given(text=ANY)
def test_r50k_splits_as_gpt2_does(text: str) -> None:
    assert GPT2.split(text) == regex.findall(r50k_pat_str.replace("$", r"\Z"), text)


def test_cl100k_differs_from_gpt4_at_the_end_alone() -> None:
    assert CL100K.split("a \n ") == ["a", " \n "]
    assert GPT4.split("a \n ") == ["a", " \n", " "]
    assert CL100K.split(TEXT + "a") == GPT4.split(TEXT + "a")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_written_file_is_read_back(tmp_path: Path, pack) -> None:
    ours = train_bpe([TEXT], 340, pattern=CL100K)
    write_ranks(ours, tmp_path / "ranks")
    (tmp_path / "packed").write_bytes(pack((tmp_path / "ranks").read_bytes()))
    back = load_ranks(tmp_path / "packed", specials=ours.specials)
    assert back.merges == ours.merges
    assert back.vocabulary() == ours.vocabulary()
    assert back.end == ours.end
    assert back.encode(TEXT) == ours.encode(TEXT)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "line", ["YQ==", "YQ== x", "YQ== -1", "Y 1", "= 3", "YQ== 1 2", "YQ== 1\nYQ== 2"]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "ranks").write_text("Yg== 0\n" + line)
    with pytest.raises(TokenizerError, match=r"line [23]: .* is not a new token"):
        read_ranks(tmp_path / "ranks")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(gzip.compress(b"YQ== 0\n" * 50)[:-9])
    for name in ("half", "none"):
        with pytest.raises(TokenizerError, match=f"cannot read .*{name}"):
            read_ranks(tmp_path / name)


def test_impossible_ranks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="b'abc' of rank 3 is not made of two"):
        merges_of_ranks({b"a": 0, b"b": 1, b"c": 2, b"abc": 3})
    with pytest.raises(TokenizerError, match="b'ab' of rank 1 is not made of two"):
        merges_of_ranks({b"a": 0, b"ab": 1})
    with pytest.raises(TokenizerError, match="not those of the 256 bytes"):
        byte_permutation({b"a": 0})
    with pytest.raises(TokenizerError, match="id 0 is both b'<s>' and b'a'"):
        tokenizer_from_ranks({b"a": 0}, pattern=GPT2, specials={"<s>": 0})
    (tmp_path / "ranks").write_text("YQ== 0\nYg== 0\n")
    with pytest.raises(TokenizerError, match="gives a rank to two tokens"):
        read_ranks(tmp_path / "ranks")


def test_merges_that_ids_do_not_rank_are_not_written(tmp_path: Path) -> None:
    pieces = [b"a", b"b", b"abb", b"bb"]
    merges = [(b"b", b"b"), (b"a", b"bb")]
    ours = BPE(pieces, merges, pattern=GPT2, specials={})
    with pytest.raises(TokenizerError):
        write_ranks(ours, tmp_path / "ranks")
