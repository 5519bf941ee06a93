"""How a model is asked for docstrings, and which of several is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from practicum.data.described_functions import described_functions
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.sampling import Sampling
from practicum.evaluation.docstrings import asked, described

FIRST, SECOND = described_functions(
    "class A:\n    def one(self):\n        return 1\n\ndef two():\n    return 2\n"
)


@dataclass
class Scripted:
    """Says (text, log probabilities, finish) of a list in turn, the last prompt first."""

    answers: list[tuple[str, tuple[float, ...], str]]

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        raise AssertionError("nobody asks")

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        assert not isinstance(sampling, Sampling)
        self.prompts, self.samplings = list(prompts), list(sampling)
        for index in reversed(range(len(prompts))):
            text, logprobs, finish = self.answers[index]
            yield Completion(
                index=index,
                text=text,
                ids=tuple(range(len(logprobs))),
                logprobs=logprobs,
                top_logprobs=None,
                finish=finish,  # type: ignore[arg-type]
            )


def test_a_text_ends_in_the_quotes_that_open_the_docstring():
    code = "def one(self):\n    return 1\n"
    assert asked(FIRST, "reversed") == code + '    """'
    repeated = asked(FIRST, "repeated")
    assert isinstance(repeated, str)
    assert repeated.count(code) == 1
    assert repeated.endswith('\ndef one(self):\n    """')
    (question,) = asked(FIRST, "chat")
    assert code in question["content"]  # type: ignore[index]


def test_the_likeliest_finished_sample_of_each_function_is_kept():
    scorer = Scripted(
        [
            ("Short.", (-1.0, -1.0), "stop"),
            ("Likely\n    and long.\n    ", (-0.5,) * 9, "stop"),
            ("Likeliest, but cut", (-0.1, -0.1), "length"),
            ("  ", (-0.1,), "stop"),
            ("Cut", (-3.0,), "length"),
            ("", (-0.2,), "end"),
        ]
    )
    kept = described(scorer, [FIRST, SECOND], "reversed", Sampling(seed=5), samples=3)
    assert [(one.words, one.finished) for one in kept] == [
        ("Likely\nand long.", True),
        ("Cut", False),
    ]
    assert kept[0].mean_log_probability == -0.5
    assert {one.stop for one in scorer.samplings} == {('"""',)}
    assert len({one.seed for one in scorer.samplings}) == 6


def test_what_is_drawn_does_not_depend_on_what_else_is_asked():
    together, alone = (Scripted([("Once.", (-1.0,), "stop")] * 4) for _ in range(2))
    described(together, [FIRST, SECOND], "repeated", Sampling(), samples=2)
    described(alone, [SECOND], "repeated", Sampling(), samples=2)
    assert [s.seed for s in together.samplings[2:]] == [s.seed for s in alone.samplings]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Returns one.", "Returns one."),
        ('```python\ndef one():\n    """Returns one."""\n    return 1\n```', "Returns one."),
        ("```\nReturns one.\n```", "Returns one."),
        ('"""Returns\n    \\"one\\"."""', 'Returns\n"one".'),
    ],
)
def test_an_answer_of_a_chat_may_have_quotes_and_fences(answer: str, words: str):
    scorer = Scripted([(answer, (-1.0,), "end")])
    (one,) = described(scorer, [FIRST], "chat", Sampling(), samples=1)
    assert one.words == words
    assert scorer.samplings[0].stop == ()
