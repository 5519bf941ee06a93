"""Tokenizers at the command line: files of every kind, text in colours, tables, refusals."""

import io
import json
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from practicum.cli import token_view
from practicum.cli.main import run
from practicum.cli.tokenizer_files import PATTERNS, read_tokenizer
from practicum.data.fetch import locate
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.save import save
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.byte_alphabet import printable
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.patterns import GPT4
from practicum.tokenizers.sentencepiece_file import save_sentencepiece
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.unigram_training import train_unigram

TEXT = "the cat sat on the mat.\nthe dog sat on the log, 12345 times; whoever saw a cat.\n" * 20
GREETING = "hello123!!!? (안녕하세요!) 😉"
GREETING_IDS = "15339 4513 12340 30 320 31495 230 75265 243 92245 16715 57037"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a text in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Runs `practicum tokenize` and gives what it printed."""

    def answer(*arguments: str | Path, typed: bytes = b"", status: int = 0) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        found = run(["tokenize", *map(str, arguments)])
        said = capsys.readouterr()
        assert found == status, said.err
        if status:
            assert said.err.startswith("error: ")
            assert said.err.count("\n") == 1
        return said.err if status else said.out

    return answer


def reading(name: str) -> Tokenizer:
    """The tokenizer in a file that is there."""
    found = read_tokenizer(name)
    assert found is not None
    return found


# Training, and files


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("ending", ["json", "model", "tiktoken"])
def test_what_is_trained_is_read_back(call, pattern: str, ending: str):
    specials = ("--specials", "none") if ending == "tiktoken" else ()
    out = f"deep/mine.{ending}"
    said = call(
        "train", "text.txt", "--vocab", "280", "--pattern", pattern, "--out", out, *specials
    )
    name = f"{out}:{pattern}" if ending == "tiktoken" else out
    assert "280 tokens" in said
    assert name in said
    ids = call("encode", name, TEXT)
    assert len(ids.split()) < len(TEXT) / 1.5
    assert call("decode", name, *ids.split()) == TEXT + "\n"
    if pattern != "none":
        tokens = [reading(name).piece(int(number)) for number in ids.split()]
        assert not any(b"t." in token or b"e d" in token for token in tokens)


def test_a_folder_gets_a_tokenizer_json(call, here: Path):
    call("train", "text.txt", "--vocab", "270", "--out", "folder")
    assert (here / "folder" / "tokenizer.json").is_file()
    assert call("encode", "folder", "the") == call("encode", "folder/tokenizer.json", "the")


def test_special_tokens_are_named_and_the_first_ends_a_text(call):
    call("train", "text.txt", "--vocab", "270", "--specials", "<end>", "--specials", "<pad>")
    found = reading("tokenizer.json")
    assert dict(found.specials) == {"<end>": 268, "<pad>": 269}
    assert found.end == 268
    call("train", "text.txt", "--vocab", "270", "--specials", "none")
    assert dict(reading("tokenizer.json").specials) == {}


def test_workers_change_nothing(call, here: Path):
    call("train", "text.txt", "--vocab", "280", "--out", "one.json")
    call("train", "text.txt", "--vocab", "280", "--out", "two.json", "--workers", "2")
    assert (here / "one.json").read_bytes() == (here / "two.json").read_bytes()


@pytest.mark.parametrize("names", [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")])
def test_gpt2s_pair_of_files_is_read_from_its_folder(call, here: Path, names: tuple[str, str]):
    trained = train_bpe([TEXT], 280)
    (here / "pair").mkdir()
    specials = {number: text for text, number in trained.specials.items()}
    vocabulary = {
        specials.get(n) or printable(piece): n for n, piece in enumerate(trained.vocabulary())
    }
    (here / "pair" / names[0]).write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "".join(f"{printable(left)} {printable(right)}\n" for left, right in trained.merges)
    (here / "pair" / names[1]).write_text("#version: 0.2\n" + merges, encoding="utf-8")
    assert call("encode", "pair", "the cat") == " ".join(map(str, trained.encode("the cat"))) + "\n"


@pytest.mark.parametrize("named", ["bert", "bert/vocab.txt"])
def test_berts_vocabulary_is_read_from_its_lines(call, here: Path, named: str):
    (here / "bert").mkdir()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "c", "##at"]
    (here / "bert" / "vocab.txt").write_text("\n".join(pieces) + "\n")
    assert call("encode", named, "The cat") == "5 6 7\n"


def test_a_sentencepiece_model_is_told_from_minbpes(call, here: Path):
    trained = train_unigram([TEXT], 290)
    save_sentencepiece(trained, here / "piece.model")
    (here / "folder").mkdir()
    save_sentencepiece(trained, here / "folder" / "tokenizer.model")
    expected = " ".join(map(str, trained.encode("the cat"))) + "\n"
    assert call("encode", "piece.model", "the cat") == expected
    assert call("encode", "folder", "the cat") == expected


# Encoding and decoding


def test_the_ids_of_gpt4_are_those_of_the_lecture(call):
    if locate("cl100k") is None:
        pytest.skip("cl100k is not on this machine: practicum data add cl100k")
    text = f"{GREETING}<|endoftext|>hello world"  # in one call: these ranks take seconds to read
    said = call("encode", "cl100k", "--specials", "all", text)
    assert said == f"{GREETING_IDS} 100257 15339 1917\n"


def test_ids_come_as_arguments_a_list_or_input(call):
    assert call("decode", "bytes", "97", "98") == "ab\n"
    assert call("decode", "bytes", "[97, 98]") == "ab\n"
    assert call("decode", "bytes", typed=b"97\n98\n") == "ab\n"
    assert "'x' is not an id" in call("decode", "bytes", "x", status=2)


def test_text_comes_as_argument_file_or_input(call, here: Path):
    (here / "windows.txt").write_bytes("é\r\n".encode())
    assert call("encode", "bytes", "é\r\n") == "195 169 13 10\n"
    assert call("encode", "bytes", "--file", "windows.txt") == "195 169 13 10\n"
    assert call("encode", "bytes", typed="é\r\n".encode()) == "195 169 13 10\n"
    assert "not both" in call("encode", "bytes", "x", "--file", "windows.txt", status=2)


def test_what_special_tokens_are_is_chosen(call):
    text = "a<|endoftext|>"
    assert call("encode", "bytes", text).split() == [str(byte) for byte in text.encode()]
    for allowed in ("all", "<|endoftext|>"):
        assert call("encode", "bytes", text, "--specials", allowed) == "97 256\n"
    said = call("encode", "bytes", text, "--specials", "refuse", status=2)
    assert "special token '<|endoftext|>' at character 1" in said
    assert call("encode", "bytes", "a", "--specials", "refuse") == "97\n"
    said = call("encode", "bytes", text, "--specials", "<|end|>", status=2)
    assert "no special token '<|end|>'; did you mean <|endoftext|>?" in said


def test_ids_with_their_places_as_json(call):
    said = json.loads(call("encode", "bytes", "aé", "--json"))
    assert said == [
        {"id": 97, "piece": "a", "bytes": [0, 1]},
        {"id": 195, "piece": "�", "bytes": [1, 2]},
        {"id": 169, "piece": "�", "bytes": [2, 3]},
    ]


# Pieces in colours


def test_pieces_without_colours_have_lines_between_them(call):
    assert call("encode", "bytes", "a\tb\né\x1b", "--pieces") == ("a│⇥│b│↵\n│⟨c3⟩│⟨a9⟩│⟨U+001B⟩\n")


def test_pieces_in_a_terminal_are_coloured(call, monkeypatch: pytest.MonkeyPatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, color_system="truecolor", width=80)
    monkeypatch.setattr(token_view, "console", lambda: terminal)
    call("encode", "bytes", "ab[/]", "--pieces")
    assert "│" not in screen.getvalue()
    colours = re.findall(r"48;2;(\d+;\d+;\d+)m(.)", screen.getvalue())
    assert "".join(text for _, text in colours) == "ab[/]"
    assert all(one[0] != other[0] for one, other in pairwise(colours))


def test_several_tokenizers_are_shown_below_each_other(call):
    call("train", "text.txt", "--vocab", "280")
    said = call("encode", "tokenizer.json", "the cat", "--beside", "bytes", "--pieces")
    assert "bytes: 7 tokens, 1.00 bytes each\nt│h│e│ │c│a│t\n" in said
    assert "the│ cat" in said
    assert "--pieces or --html" in call("encode", "bytes", "x", "--beside", "bytes", status=2)


class Page(HTMLParser):
    """What stands on a page: text by kind of element, and every address it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str | None] = []
        self.titles: list[str | None] = []
        self.pieces: list[str] = []
        self.cells: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value)
            if name == "title":
                self.titles.append(value)
        if tag == "b":
            self.pieces.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "b":
            self.pieces[-1] += data
        if self._inside in ("td", "th"):
            self.cells.append(data)


def test_a_page_shows_the_pieces_and_needs_nothing_beside_it(call, here: Path):
    text = "<script>alert(1)</script> é<|endoftext|>\n"
    call("encode", "bytes", text, "--html", "deep/page.html", "--specials", "all")
    page = Page((here / "deep" / "page.html").read_text(encoding="utf-8"))
    assert page.addresses == []
    assert "".join(page.pieces) == "<script>alert(1)</script> ⟨c3⟩⟨a9⟩<|endoftext|>↵\n"
    assert page.titles[-2] == "id 256: 3c 7c 65 6e 64 6f 66 74 65 78 74 7c 3e"
    assert page.cells[:9:2] == ["tokenizer", "tokens", "tokens per word", "257", "1.40"]
    assert len(page.pieces) == int(page.cells[7])


def test_a_page_of_a_long_text_shows_its_beginning(call, here: Path, monkeypatch):
    monkeypatch.setattr("practicum.cli.tokenize.MOST", 100)
    call("compare", "text.txt", "bytes", "--html", "page.html")
    text = (here / "page.html").read_text(encoding="utf-8")
    assert len(Page(text).pieces) == 100
    assert "The text goes on" in text


# Comparing, and tokens that nothing becomes


def test_tokenizers_are_compared_by_script_and_kind_of_file(call, here: Path):
    (here / "files").mkdir()
    (here / "files" / "a.md").write_text("мир 12 the the the", encoding="utf-8")
    (here / "files" / "b.py").write_text("x = 元始", encoding="utf-8")
    call("train", "text.txt", "--vocab", "280")
    said = call("compare", "files", "tokenizer.json", "bytes")
    for part in ("tokenizers", "by script", "by kind of file", ".md", "Cyrillic", "Han", "digits"):
        assert part in said
    ours, theirs = json.loads(call("compare", "files", "tokenizer.json", "bytes", "--json"))
    assert (ours["tokenizer"], ours["vocabulary"]) == ("tokenizer.json", 280)
    assert (theirs["tokens"], theirs["bytes_per_token"]) == (31, 1.0)
    assert theirs["tokens_per_word"] == round(31 / 8, 3)
    assert theirs["kinds"][".py"]["tokens"] == 10
    assert theirs["scripts"]["Cyrillic"] == {
        "bytes": 6,
        "characters": 3,
        "words": 1,
        "tokens": 6.0,
        "bytes_per_token": 1.0,
        "tokens_per_word": 6.0,
    }
    assert theirs["scripts"]["Han"]["tokens_per_word"] is None
    assert ours["scripts"]["Latin"]["bytes_per_token"] > 2


def test_one_kind_of_file_is_not_compared_with_itself(call):
    assert "kind of file" not in call("compare", "text.txt", "bytes")


def test_glitches_are_listed(call, here: Path):
    assert call("glitches", "bytes") == "every token is what its own text becomes\n"
    assert json.loads(call("glitches", "bytes", "--json")) == []
    odd = BPE([*ByteTokenizer(()).vocabulary(), b"ab", b"a b"], [], pattern=GPT4, specials={})
    network = build(gpt2(width=16, depth=1, heads=2, vocab=258, context=32), seed=0)
    network.embedding.weight.data[65] *= 100
    save(network, here / "model", tokenizer=odd)
    said = json.loads(call("glitches", "model", "--model", "model", "--json"))
    assert [(row["piece"], row["why"], row["becomes"]) for row in said] == [
        ("'ab'", "unreachable", "97 98"),
        ("'a b'", "unreachable", "97 32 98"),
        ("'A'", "odd norm", ""),
    ]
    assert said[2]["deviations"] > 100
    assert "'ab'" in call("glitches", "model", "--most", "1")


# What is refused


def test_text_that_is_not_utf8_is_named_with_its_place(call, here: Path):
    (here / "latin.txt").write_bytes("naïve".encode("latin-1"))
    said = call("encode", "bytes", "--file", "latin.txt", status=2)
    assert "latin.txt is not UTF-8 (byte 2 is 0xef); convert it" in said
    said = call("encode", "bytes", typed=b"\xff", status=2)
    assert "standard input is not UTF-8 (byte 0 is 0xff)" in said
    said = call("encode", "bytes", "na\udcefve", "--html", "page.html", status=2)
    assert "the text is not UTF-8 (byte 2 is 0xef)" in said
    assert "missing.txt" in call("encode", "bytes", "--file", "missing.txt", status=2)


DAMAGED = {
    "hole.model": ("minbpe v1\n\n0\n97 98\n99\n", "line 5: '99' is not two ids below 257"),
    "later.model": ("minbpe v1\n\n0\n97 300\n", "line 4: '97 300' is not two ids"),
    "hole.tiktoken:gpt2": ("YQ== 0\nYg==\n", "line 2: b'Yg==' is not a new token"),
    "gap.tiktoken:gpt2": ("YQ== 0\nYWJj 1\n", "is not made of two of lower rank"),
    "nameless.tiktoken": ("YQ== 0\n", "name the pattern, such as nameless.tiktoken:gpt2"),
    "cut.json": ('{"model": ', "truncated or not JSON"),
    "other.json": ('{"model": {"type": "WordLevel"}}', "only byte-level BPE is read"),
    "bert.json": ('{"model": {"type": "WordPiece"}}', "bert.json: the pre-tokenizer is nothing"),
    "text.md": ("hello", "ends in none of .json, .model"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_tokenizer_is_named_with_its_place(call, here: Path, name: str):
    content, expected = DAMAGED[name]
    (here / name.partition(":")[0]).write_text(content, encoding="utf-8")
    assert expected in call("encode", name, "x", status=2)


def test_merges_with_a_hole_are_named(call, here: Path):
    (here / "pair").mkdir()
    vocabulary = {printable(bytes([byte])): byte for byte in range(256)}
    (here / "pair" / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (here / "pair" / "merges.txt").write_text("#version: 0.2\nc\n", encoding="utf-8")
    assert "merges.txt, line 2: 'c' is not two tokens" in call("encode", "pair", "x", status=2)
    (here / "pair" / "merges.txt").write_text("#version: 0.2\na b\n", encoding="utf-8")
    assert "the vocabulary lacks 'ab'" in call("encode", "pair", "x", status=2)


def test_a_file_that_cannot_hold_the_tokenizer_is_refused_before_any_work(call, here: Path):
    def refused(*arguments: str) -> str:
        return call("train", "missing.txt", "--vocab", "280", *arguments, status=2)

    assert "ends in none of .json, .model, .tiktoken" in refused("--out", "mine.bin")
    assert "add --specials none" in refused("--out", "mine.tiktoken")
    assert "missing.txt" in refused("--out", "mine.model")
    assert "a tokenizer.json, .model, .tiktoken" in call("encode", "nothing", "x", status=2)
