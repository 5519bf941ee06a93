"""What a model answers in a conversation is the program it meant."""

from dataclasses import replace

import pytest

from practicum.data.code_problem import CodeProblem, program_of
from practicum.decoding.generate import Completion
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError
from practicum.evaluation.chat_programs import InChat, following
from practicum.evaluation.code_runs import Manner, draw_unscored

TEST = "def check(candidate):\n    assert candidate(2, 3) == 5\n"
ADD = CodeProblem(
    task_id="Own/0",
    prompt='import math\n\n\ndef add(a, b):\n    """Their sum."""\n',
    entry_point="add",
    tests=TEST,
)
BARE = replace(ADD, task_id="Own/1", prompt="def add(a, b):\n")
WORDS = replace(ADD, task_id="Own/2", prompt='"""Write add(a, b), their sum."""\n')
WHOLE = 'Sure!\n```python\ndef add(a, b):\n    """Their sum."""\n    return a + b\n```\nIt adds.'
ANSWERS = {
    "whole": WHOLE,
    "cut": WHOLE.partition("\n```\nIt")[0],
    "no fences": "def add(a, b):\n    return a + b\n",
    "with others": "```\nfrom math import fsum\n\ndef add(*all):\n    return one(all)\n\n"
    "def one(all):\n    return fsum(all)\n```\n```\nadd(1, 2)\n```",
}
BODIES = {
    "body": "```python\nreturn a + b\n```",
    "indented body": "```python\n    c = a + b\n    return c\n```",
    "helper within": "def both():\n    return a + b\nreturn both()",
}


class Answering:
    """A scorer that always answers the same, and keeps what it was asked."""

    def __init__(self, answer: str) -> None:
        self.answer, self.asked = answer, []

    def generate(self, prompts, sampling):
        self.asked += zip(prompts, sampling, strict=True)
        for index in reversed(range(len(prompts))):
            yield Completion(
                index=index,
                text=self.answer,
                ids=(),
                logprobs=None,
                top_logprobs=None,
                finish="end",
            )

    def loglikelihood(self, pairs):
        raise AssertionError("nothing is scored")


@pytest.mark.parametrize("open_end", [True, False])
@pytest.mark.parametrize(
    ("answer", "problems"),
    [*((answer, (ADD, BARE, WORDS)) for answer in ANSWERS.values())]
    + [(answer, (ADD, BARE)) for answer in BODIES.values()],
    ids=[*ANSWERS, *BODIES],
)
def test_the_program_is_what_was_answered(answer, problems, open_end):
    manner = Manner(samples=2, temperatures=(0.5,), open_end=open_end)
    scorer = Answering(answer)
    drawn = draw_unscored(InChat(scorer), problems, manner, decode=str)
    assert [(one.problem, one.number) for one in drawn] == [
        (p, n) for p in problems for n in (0, 1)
    ]
    for one in drawn:
        assert one.logprobs is None
        exec(compile(program_of(one.problem, one.completion), one.problem.task_id, "exec"), {})
    for talk, sampling in scorer.asked:
        assert [turn["role"] for turn in talk] == ["user"]
        assert (sampling.stop, sampling.logprobs, sampling.temperature) == ((), None, 0.5)


def test_a_wrong_answer_stays_wrong():
    wrong = following(ADD.prompt, WHOLE.replace("a + b", "a - b"))
    with pytest.raises(AssertionError):
        exec(program_of(ADD, wrong), {})
    with pytest.raises(SyntaxError):
        compile(program_of(ADD, following(ADD.prompt, "I cannot.")), "none", "exec")


def test_a_method_is_gone_on_with_after_what_is_open():
    prompt = "def one():\n    return 1\n\n\nclass Pair:\n    def both(self):\n        return 2\n"
    assert following(prompt, "x = 1") == "\nx = 1"
    assert following("def f(:", "(" * 5000) == f"\n{'(' * 5000}"


def test_a_conversation_is_not_asked_within_one():
    with pytest.raises(ConfigError, match="conversation is given"):
        list(InChat(Answering("")).generate([[{"role": "user", "content": "hi"}]], Sampling()))
