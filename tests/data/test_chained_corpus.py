"""Chained functions in three uses: nothing asked was read, and no use disturbs another."""

from dataclasses import replace

import pytest

from practicum.data.chained_blocks import ChainedBlocks
from practicum.data.chained_corpus import ChainedCorpus
from practicum.errors import ConfigError, DataError
from practicum.symbolic.sandbox import Sandbox

CORPUS = ChainedCorpus(
    learned=ChainedBlocks(lengths=(1.0,), wrong=0.5), drawn=20, lengths=(1, 2), asked=3, tests=4
)


def test_modules_are_documents_of_one_function_some_of_them_wrong():
    found = CORPUS.modules(60, seed=3)
    assert [document.id for document in found[:2]] == ["module 0", "module 1"]
    for document in found:
        compile(document.text, document.id, "exec")
        assert document.text.count("def ") == 1
    right = replace(CORPUS, read=ChainedBlocks(wrong=0.0)).modules(60, seed=3)
    assert {d.text for d in found} - {d.text for d in right}
    assert found == CORPUS.modules(60, seed=3) != CORPUS.modules(60, seed=4)


def test_problems_are_as_many_of_each_length_and_none_was_read():
    found = CORPUS.posed(seed=3)
    assert [one.length for one in found] == [1, 1, 1, 2, 2, 2]
    assert [one.problem.task_id for one in found] == [f"chain/{i}" for i in range(6)]
    read = "".join(document.text for document in CORPUS.modules(400, seed=3))
    for function, problem in found:
        assert problem.prompt == function.parts.prompt
        assert problem.tests.count("assert") == 4
        assert not any(f"- {phrase}\n" in read for phrase in function.phrases)


def test_more_of_one_use_leaves_the_others_as_they_are():
    more = replace(CORPUS, drawn=40, lengths=(1, 2, 3))
    assert more.posed(seed=3)[:6] == CORPUS.posed(seed=3)
    assert more.modules(5, seed=3) == CORPUS.modules(5, seed=3)


def test_functions_to_learn_from_have_passed_their_tests():
    with Sandbox(workers=1) as sandbox:
        kept = CORPUS.curated(sandbox, seed=3)
    assert 0 < len(kept) < 20
    assert all(function.right for function in kept if len(function.lines) == 1)


def test_a_corpus_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="0 functions to learn from, 3 problems"):
        replace(CORPUS, drawn=0)
    with pytest.raises(ConfigError, match=r"3 problems of lengths \(\)"):
        replace(CORPUS, lengths=())
    with pytest.raises(DataError, match="found .* problems of 1 blocks; ask for fewer"):
        replace(CORPUS, lengths=(1,), asked=60).posed(seed=3)
