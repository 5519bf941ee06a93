"""`practicum docstring`: functions in, docstrings out, into the files where that is asked."""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from practicum.cli.main import practicum, run
from practicum.data.chained_blocks import ChainedBlocks, ChainedFunction, named
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.save import save
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

CODE = 'def twice(x):\n    return 2 * x\n\n\ndef known(x):\n    """Old."""\n    return x\n'
CHAINS = ChainedBlocks(lengths=(1.0,), wrong=0.0)


def answer(*arguments: str) -> Any:
    call = ["docstring", *arguments, "--json"]
    result = CliRunner().invoke(practicum, call, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def drawn(count: int, seed: int) -> list[ChainedFunction]:
    return CHAINS.draw(count, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned nothing, functions to learn from, and others to be described."""
    folder = tmp_path_factory.mktemp("desk")
    known = [one.parts.source for one in drawn(300, 1)]
    (folder / "known.py").write_text("\n\n".join(known))
    tokenizer = train_bpe(known, 400, specials=("<|endoftext|>",))
    model = build(gpt2(width=64, depth=2, heads=2, vocab=tokenizer.size, context=160), seed=0)
    save(model, folder / "untaught", tokenizer=tokenizer)
    return folder


@pytest.fixture(scope="module")
def taught(desk: Path) -> Path:
    """The same, taught by the command."""
    (desk / "one.py").write_text("def f(s):\n    s = s.lower()\n    return s\n")
    teach = ["--learn-from", str(desk / "known.py"), "--out", str(desk / "taught")]
    budget = ["--steps", "150", "--batch", "16", "--rate", "5e-3"]
    answer(str(desk / "one.py"), "--model", str(desk / "untaught"), *teach, *budget)
    return desk / "taught"


def right(asked: Sequence[ChainedFunction], rows: list[dict[str, Any]]) -> float:
    """The share of docstrings that name what the function does."""
    done = [tuple(block.name for block in one.blocks) for one in asked]
    said = [named(row["docstring"]) for row in rows]
    return sum(a == b for a, b in zip(said, done, strict=True)) / len(done)


def test_a_taught_model_names_what_functions_do(desk: Path, taught: Path):
    asked = drawn(12, 2)
    bare = [one.parts.signature + one.parts.body for one in asked]
    (desk / "asked.py").write_text("\n\n".join(bare))
    call = [str(desk / "asked.py"), "--max-tokens", "40", "--form", "reversed"]
    before = answer(*call, "--model", str(desk / "untaught"))
    after = answer(*call[:3], "--model", str(taught), "--samples", "2")
    assert len(after) == len(asked)
    assert right(asked, before) == 0
    assert right(asked, after) > 0.6
    assert all(row["finished"] for row in after)


def test_docstrings_are_written_into_the_files(tmp_path: Path, taught: Path):
    (tmp_path / "inner").mkdir()
    sources = {"a.py": drawn(2, 3), "inner/b.py": drawn(1, 4)}
    for name, functions in sources.items():
        code = "\n\n".join(one.parts.signature + one.parts.body for one in functions)
        (tmp_path / name).write_text(code.replace("\n", "\r\n"), newline="")
    (tmp_path / "broken.py").write_text("def (:\n")
    result = CliRunner().invoke(
        practicum, ["docstring", str(tmp_path), "--write", "--model", str(taught)]
    )
    assert result.exit_code == 0, result.output
    assert f"left out: {tmp_path}/broken.py is no Python" in result.stderr
    assert f"{tmp_path}/inner/b.py:1 " in result.stdout
    for name, functions in sources.items():
        text = (tmp_path / name).read_bytes().decode()
        assert text.count("\r\n") == text.count("\n")
        tree = ast.parse(text)
        said = [ast.get_docstring(node) for node in tree.body]  # type: ignore[arg-type]
        assert all(words in result.stdout.replace("\n    ", "\n") for words in said if words)
        assert None not in said
        for one in functions:
            assert one.parts.body in text.replace("\r\n", "\n")
    assert run(["docstring", str(tmp_path), "--model", str(taught)]) == 2  # nothing is left


def test_the_same_seed_says_the_same_and_the_first_are_taken(desk: Path, taught: Path):
    bare = [one.parts.signature + one.parts.body for one in drawn(3, 5)]
    (desk / "few.py").write_text("\n\n".join([*bare, CODE]))
    call = [str(desk / "few.py"), "--model", str(taught), "--temperature", "1"]

    def said(*more: str) -> list[tuple[str, str]]:
        return [(row["name"], row["docstring"]) for row in answer(*call, *more)]

    everything = said("--all")
    assert [name for name, _ in everything[-2:]] == ["twice", "known"]
    assert len(everything) == 5
    assert said() == everything[:4]
    assert said("--all", "--first", "2") == everything[:2]
    assert said("--seed", "1") != everything[:4]


def test_a_docstring_that_is_cut_is_shown_and_not_written(desk: Path):
    place = desk / "cut.py"
    place.write_text(CODE)
    call = [str(place), "--model", str(desk / "untaught"), "--max-tokens", "3", "--write"]
    (row,) = answer(*call)
    assert not row["finished"]
    assert not row["written"]
    assert place.read_text() == CODE


def test_a_function_that_is_too_long_is_left_out(
    desk: Path, taught: Path, capsys: pytest.CaptureFixture[str]
):
    place = desk / "long.py"
    place.write_text("def long(x):\n" + "    x = x.replace('a', 'b')\n" * 60 + CODE)
    call = ["docstring", str(place), "--model", str(taught)]
    assert run([*call, "--first", "1"]) == 2
    said = capsys.readouterr().err
    assert f"left out: {place}:1 long (" in said
    assert "the model reads 160)" in said
    assert "error: no function could be read" in said
    assert run(call) == 0
    assert "long.py:62 twice" in capsys.readouterr().out


def test_one_file_that_cannot_be_written_leaves_the_others_right(
    tmp_path: Path, taught: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    import os

    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(CODE)
    replace = os.replace

    def full_once(source: Any, target: Any) -> None:
        if Path(target).name == "a.py":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full_once)
    assert run(["docstring", str(tmp_path), "--write", "--model", str(taught)]) == 2
    assert "a.py stays as it is: it cannot be written" in capsys.readouterr().err
    assert (tmp_path / "a.py").read_text() == CODE
    assert (tmp_path / "b.py").read_text() != CODE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere.py"], "no file or folder nowhere.py"),
        (["notes.txt"], "notes.txt is no Python"),
        (["empty"], "no Python in empty"),
        (["done.py"], "no function without a docstring in done.py"),
        (["few.py", "--first", "0"], "--first is 0; expected at least 1"),
        (["few.py", "--samples", "2", "--temperature", "0"], "are all the same"),
        (["few.py", "--max-tokens", "0"], "max_tokens is 0"),
        (["few.py", "--out", "new"], "give --learn-from, too"),
        (["few.py", "--learn-from", "done.py", "--out", "full"], "full holds something already"),
        (["few.py", "--learn-from", "done.py", "--out", "few.py/new"], "cannot be made in"),
        (["few.py", "--learn-from", "done.py", "--longest", "1", "--model", "tiny"], "--longest"),
        (["few.py", "--learn-from", "done.py", "--steps", "0"], "--steps is 0"),
        (["few.py", "--learn-from", "no_such_thing"], "no package 'no_such_thing'"),
        (["few.py", "--learn-from", "bare.py"], "no function of bare.py has a docstring"),
        (["few.py", "--model", "nowhere/model"], "nowhere/model"),
        (["few.py", "--model", "encoder"], "encoder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    why: str,
):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "full", "encoder"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "config.json").write_text("{}")
    (tmp_path / "encoder" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "few.py").write_text(CODE)
    (tmp_path / "bare.py").write_text(CODE.replace('    """Old."""\n', ""))
    (tmp_path / "done.py").write_text('def known(x):\n    """Old."""\n    return x\n')
    (tmp_path / "notes.txt").write_text("some notes")
    model = build(gpt2(width=8, depth=1, heads=1, vocab=257, context=64), seed=0)
    save(model, tmp_path / "tiny", tokenizer=ByteTokenizer())
    assert run(["docstring", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert why in line
