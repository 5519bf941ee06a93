"""Functions of several changes: what is held out, and tests that tell right from wrong."""

import ast
from itertools import pairwise

import numpy as np
import pytest

from practicum.data.chained_blocks import (
    ChainedBlocks,
    ChainedFunction,
    named,
    sentence,
)
from practicum.data.code_problem import program_of
from practicum.data.string_blocks import BLOCKS
from practicum.errors import ConfigError, DataError

TASK = ChainedBlocks()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def called(function: ChainedFunction):
    """The function of the source, which this project wrote itself."""
    scope: dict = {}
    exec(function.parts.source, scope)
    return scope[function.name]


def passes(function: ChainedFunction, tests: str) -> bool:
    scope: dict = {}
    exec(tests, scope)
    try:
        scope["check"](called(function))
    except (AssertionError, IndexError):
        return False
    return True


def test_functions_to_learn_from_are_right_unless_one_line_is_not():
    drawn = TASK.draw(400, rng())
    wrong = [function for function in drawn if not function.right]
    assert 0.2 < len(wrong) / len(drawn) < 0.4
    for function in wrong:
        lines = zip(function.lines, function.blocks, strict=True)
        assert sum(line != block.line for line, block in lines) == 1
    counts = np.bincount([len(function.lines) for function in drawn], minlength=4)[1:] / len(drawn)
    assert np.allclose(counts, TASK.lengths, atol=0.1)
    assert all(function.right for function in ChainedBlocks(wrong=0.0).draw(50, rng()))


def test_right_functions_pass_their_tests_and_wrong_ones_hardly_ever():
    drawn = TASK.draw(60, rng(3))
    assert all(passes(f, f.tests(8, rng(4))) for f in drawn if f.right)
    wrong = [f for f in drawn if not f.right]
    # a later block may undo the mistake of an earlier one
    assert sum(passes(f, f.tests(8, rng(4))) for f in wrong) <= len(wrong) / 4


def test_what_is_asked_shares_no_phrase_and_no_pair_with_what_is_read():
    read = TASK.draw(600, rng(5))
    phrases = {phrase for function in read for phrase in function.phrases}
    pairs = {pair for f in read for pair in pairwise(block.name for block in f.blocks)}
    assert phrases == {phrase for block in BLOCKS for phrase in block.read}
    for length in (1, 2, 3, 4):
        for function in TASK.ask(length, 20, rng(6)):
            assert function.right
            assert len(function.lines) == length
            assert phrases.isdisjoint(function.phrases)
            assert pairs.isdisjoint(pairwise(block.name for block in function.blocks))


def test_every_half_of_an_asked_phrase_is_read_with_another():
    for block in BLOCKS:
        for half in (*block.verbs, *block.objects):
            assert any(half in phrase for phrase in block.read)
            assert any(half in phrase for phrase in block.asked)
    held_out = len(TASK.pairs(held_out=True))
    assert held_out + len(TASK.pairs(held_out=False)) == 13 * 12
    assert 0.2 < held_out / (13 * 12) < 0.4


def test_the_same_generator_gives_the_same_functions():
    assert TASK.draw(9, rng(7)) == TASK.draw(9, rng(7))
    assert TASK.ask(2, 9, rng(7)) == TASK.ask(2, 9, rng(7))
    assert len(set(TASK.ask(1, 39, rng(7)))) == 39


def test_a_docstring_names_its_blocks():
    (function,) = TASK.ask(3, 1, rng(8))
    words = ast.get_docstring(ast.parse(function.parts.source).body[0])  # type: ignore[arg-type]
    assert words is not None
    assert named(words) == tuple(block.name for block in function.blocks)
    assert named(function.parts.docstring) == tuple(block.name for block in function.blocks)
    assert named("Do this:\n- sing\n") is None
    assert named("Do this.") is None


def test_a_problem_is_solved_by_its_solution():
    (function,) = TASK.ask(2, 1, rng(9))
    problem = function.problem("chain/1", 4, rng(9))
    assert problem.prompt + (problem.solution or "") == function.parts.source
    assert problem.tests == function.tests(4, rng(9))
    exec(program_of(problem, problem.solution or ""), {})


def test_sentences_have_several_words_and_vary():
    sentences = [sentence(rng(seed)) for seed in range(20)]
    assert len(set(sentences)) == 20
    assert all(7 <= len(text.split()) <= 12 for text in sentences)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ConfigError, match="shares of lengths"):
        ChainedBlocks(lengths=(0.5, 0.2))
    with pytest.raises(ConfigError, match="held_out 1"):
        ChainedBlocks(held_out=1.0)
    with pytest.raises(DataError, match="found 39 problems of 1 blocks; ask for fewer"):
        TASK.ask(1, 40, rng())
    with pytest.raises(DataError, match="chain of 14 blocks"):
        TASK.ask(14, 1, rng())
