"""Samples are drawn with seeds of their own, scored for what is kept, run, and counted."""

import json
import string
from dataclasses import replace

import numpy as np
import pytest

from practicum.data.code_problem import CodeProblem
from practicum.data.program_verdicts import Verdict
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.likelihood import Likelihood
from practicum.errors import ConfigError
from practicum.evaluation.code_problems import STOPS
from practicum.evaluation.code_runs import (
    Manner,
    Sample,
    by_temperature,
    draw_samples,
    mean_pass,
    pass_by_kind,
    run_samples,
    shown,
    written,
)
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.symbolic.sandbox import Sandbox
from practicum.tokenizers.bytes import ByteTokenizer

ADD = CodeProblem(
    task_id="Own/0",
    prompt='def add(a, b):\n    """Their sum."""\n',
    entry_point="add",
    tests="def check(candidate):\n    assert candidate(1, 2) == 3\n",
)
LESS = replace(ADD, task_id="Own/1", prompt="def less(a, b):\n", entry_point="less")
PIECES = ["    ret", "urn a", " + b", "\n\n", "def", " next", "<end>"]


def decode(ids) -> str:
    return "".join(PIECES[id] for id in ids)


class Writer:
    """Says the pieces with these ids; the i-th has log P = −(i + 1)."""

    def __init__(self, ids: tuple[int, ...], text: str, finish: str) -> None:
        self.ids, self.text, self.finish = ids, text, finish
        self.asked: list = []
        self.scored: list = []

    def generate(self, prompts, sampling):
        self.asked += zip(prompts, sampling, strict=True)
        for index in reversed(range(len(prompts))):
            yield Completion(
                index=index,
                text=self.text,
                ids=self.ids,
                logprobs=tuple(-float(i + 1) for i in range(len(self.ids))),
                top_logprobs=None,
                finish=self.finish,
            )

    def loglikelihood(self, pairs):
        self.scored += pairs
        return [Likelihood(total=-7.0, tokens=(-3.0, -4.0), greedy=False) for _ in pairs]


STOPPED = Writer((0, 1, 2, 3, 4), "    return a + b\n", "stop")  # "\ndef" came


def test_every_sample_has_a_seed_of_its_own_whatever_else_is_asked():
    writer = Writer((0,), "    ret", "length")
    manner = Manner(samples=3, temperatures=(0.2, 0.8), seed=5)
    found = draw_samples(writer, [ADD, LESS], manner)
    assert [(s.problem.task_id, s.temperature, s.number) for s in found] == [
        (task, temperature, number)
        for temperature in (0.2, 0.8)
        for task in ("Own/0", "Own/1")
        for number in range(3)
    ]
    assert {prompt for prompt, _ in writer.asked} == {ADD.prompt, LESS.prompt}
    samplings = [sampling for _, sampling in writer.asked]
    assert len({sampling.seed for sampling in samplings}) == 6  # temperatures share them
    assert {(s.top_p, s.stop, s.logprobs) for s in samplings} == {(0.95, STOPS, 0)}
    alone = Writer((0,), "    ret", "length")
    draw_samples(alone, [LESS], Manner(samples=1, temperatures=(0.8,), seed=5))
    assert alone.asked[0] in writer.asked


@pytest.mark.parametrize(
    ("ids", "text", "finish", "kept"),
    [
        ((0, 1, 2, 3, 4), "    return a + b\n", "stop", 4),  # "\n\n" is half text, half stop
        ((0, 1, 2, 4, 5), "    return a + b", "stop", 3),
        ((4, 5), "", "stop", 0),
        ((0, 1, 2, 6), "    return a + b", "end", 3),
        ((0, 1, 2), "    return a + b", "length", 3),
    ],
)
def test_only_tokens_of_the_kept_text_are_scored(ids, text, finish, kept):
    (sample,) = draw_samples(Writer(ids, text, finish), [ADD], Manner(samples=1), decode=decode)
    assert sample.logprobs == tuple(-float(i + 1) for i in range(kept))
    assert sample.completion == text


@pytest.mark.parametrize("text", ["\n    return 1", "    return 1", "\n\n    return 1"])
def test_with_an_open_end_the_model_writes_the_line_end_itself(text):
    writer = Writer((0, 1), text, "length")
    (sample,) = draw_samples(writer, [ADD], Manner(samples=1, open_end=True))
    assert writer.asked[0][0] == ADD.prompt.removesuffix("\n")
    assert sample.completion == text.removeprefix("\n")
    assert sample.logprobs == (-1.0, -2.0)  # of all that was written
    stopped = Writer((0, 1), text, "stop")
    draw_samples(stopped, [ADD], Manner(samples=1, open_end=True))
    assert stopped.scored == [(ADD.prompt.removesuffix("\n"), text)]


def test_without_a_decoder_what_was_stopped_is_scored_again():
    (sample,) = draw_samples(STOPPED, [ADD], Manner(samples=1))
    assert STOPPED.scored == [(ADD.prompt, "    return a + b\n")]
    assert sample.logprobs == (-3.0, -4.0)


def test_a_model_in_memory_scores_what_it_kept_as_its_likelihood_says():
    tokenizer = ByteTokenizer()
    model = build(gpt2(width=8, depth=1, heads=1, vocab=tokenizer.size, context=80), seed=1)
    lm = LanguageModel(model, tokenizer)
    letters = tuple(string.ascii_letters)
    manner = Manner(samples=40, temperatures=(1.0,), max_tokens=3, top_p=None, stop=letters)
    drawn = draw_samples(lm, [ADD], manner, decode=tokenizer.decode)
    plain = [s for s in drawn if s.completion and "\ufffd" not in s.completion]  # whole bytes
    assert {1, 2} <= {len(sample.completion) for sample in plain}  # the third was the stop
    again = lm.loglikelihood([(ADD.prompt, sample.completion) for sample in plain])
    for sample, likelihood in zip(plain, again, strict=True):
        np.testing.assert_allclose(sample.logprobs, likelihood.tokens, atol=1e-4)


def test_at_temperature_0_one_is_drawn_and_counted_n_times():
    writer = Writer((0,), "    ret", "length")
    found = draw_samples(writer, [ADD, LESS], Manner(samples=4, temperatures=(0.0,)))
    assert len(writer.asked) == 2
    assert [(s.problem.task_id, s.number) for s in found] == [
        (task, number) for task in ("Own/0", "Own/1") for number in range(4)
    ]


def told(problem: CodeProblem, passed: list[bool]) -> list[Sample]:
    ended = {True: "passed", False: "failed"}
    return [
        Sample(
            problem=problem,
            completion=f"    return {number}",
            number=number,
            verdict=Verdict(result=ended[one], reason="", seconds=0.0),
        )
        for number, one in enumerate(passed)
    ]


def test_the_mean_is_over_problems_and_over_those_of_a_kind():
    problems = [told(ADD, [True, False]), told(LESS, [False, False]), told(LESS, [True, True])]
    assert mean_pass(problems, 1) == 0.5
    assert mean_pass(problems, 2) == pytest.approx(2 / 3)
    by_kind = pass_by_kind(["sum", "order", "order"], problems, 1)
    assert by_kind == {"sum": 0.5, "order": 0.5}
    assert list(pass_by_kind([2, 1, 1], problems, 2).items()) == [(2, 1.0), (1, 0.5)]
    with pytest.raises(ConfigError, match="pass@k of no problems"):
        mean_pass([], 1)
    with pytest.raises(ConfigError, match="pass@3 cannot be told from 2 samples"):
        mean_pass(problems, 3)


def test_a_person_sees_the_first_sample_and_how_many_pass():
    assert shown(told(ADD, [False, True, True])) == (f"{ADD.prompt}    return 0\n# 2 of 3 pass\n")


def test_what_is_written_comes_by_temperature_and_problem():
    writer = Writer((0, 1, 2, 3, 4), "    return a + b\n", "stop")
    writer.tokenizer = ByteTokenizer()
    manner = Manner(samples=2, temperatures=(0.8, 0.2))
    with Sandbox(workers=1) as sandbox:
        found = written(writer, [ADD, LESS], manner, sandbox)
        assert written(writer, [], manner, sandbox) == {0.8: [], 0.2: []}
    assert list(found) == [0.8, 0.2]
    assert [[s.problem.task_id for s in one] for one in found[0.2]] == [
        ["Own/0"] * 2,
        ["Own/1"] * 2,
    ]
    assert all(sample.passed for one in found[0.8] for sample in one)


def test_samples_are_run_and_their_rows_tell_all():
    drawn = draw_samples(STOPPED, [ADD, LESS], Manner(samples=2), decode=decode)
    drawn[1] = replace(drawn[1], completion="    return a - b")
    with Sandbox() as sandbox:
        found = run_samples(drawn, sandbox)
    assert [sample.passed for sample in found] == [True, False, True, True]
    row = json.loads(json.dumps(found[0].row))
    assert row.pop("seconds") >= 0
    assert row == {
        "task_id": "Own/0", "completion": "    return a + b\n", "temperature": 0.2, "sample": 0,
        "tokens": 4, "log_probability": -10.0, "mean_log_probability": -2.5,
        "passed": True, "result": "passed", "reason": "",
    }  # fmt: skip
    assert found[1].row["reason"].startswith("AssertionError")
    assert [len(samples) for samples in by_temperature(found)[0.2]] == [2, 2]


def test_the_same_manner_at_another_temperature():
    manner = Manner(samples=9, temperatures=(0.2, 0.8), max_tokens=7, seed=3)
    assert manner.at(0.8) == replace(manner, temperatures=(0.8,))
    assert manner.at(1.5, samples=2) == replace(manner, temperatures=(1.5,), samples=2)
    with pytest.raises(ConfigError, match="0 samples"):
        manner.at(0.8, samples=0)


def test_a_manner_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="0 samples"):
        Manner(samples=0)
    with pytest.raises(ConfigError, match="at 0 temperatures"):
        Manner(temperatures=())
    with pytest.raises(ConfigError, match="not all different"):
        Manner(temperatures=(0.2, 0.2))
    with pytest.raises(ConfigError, match="top_p is 1.5"):
        Manner(top_p=1.5)
