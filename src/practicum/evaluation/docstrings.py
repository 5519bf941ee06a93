"""Docstrings that a model writes after it has read signature and body (Chen et al. 2021, §5).

    reversed    signature  body  \"\"\"…\"\"\"                 as a model was taught in that order
    repeated    signature  body  signature  \"\"\"…\"\"\"      as code of the world comes
    chat        a question about signature and body     for models that answer questions

An untaught model goes on with code after a body, in either of the other two forms it explains. Of
several samples the one of highest mean log-probability is kept (§3.3), over its tokens and those of
the quotes that end it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from practicum.data.described_functions import QUOTES, DescribedFunction, unquoted
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Prompt
from practicum.decoding.sampling import Sampling
from practicum.evaluation.scorer import Scorer
from practicum.seeding import derive

Form = Literal["reversed", "repeated", "chat"]
QUESTION = (
    "Write the docstring of this Python function: one or two sentences that say what it does and "
    "what it returns. Answer with the docstring alone.\n\n```python\n{code}```"
)


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a model says of one function."""

    words: str  # "" where nothing was said
    finished: bool  # whether the docstring came to its end
    mean_log_probability: float


def asked(function: DescribedFunction, form: Form) -> Prompt:
    """What the model reads. A text ends in the quotes that open the docstring."""
    code = function.signature + function.body
    if form == "reversed":
        return function.prompt
    if form == "chat":
        return [{"role": "user", "content": QUESTION.format(code=code)}]
    begun = f"{function.signature}{function.indent}{QUOTES}"
    return f"# Without a docstring:\n{code}\n# With a docstring:\n{begun}"


def described(
    scorer: Scorer,
    functions: Sequence[DescribedFunction],
    form: Form,
    sampling: Sampling,
    *,
    samples: int,
) -> list[Described]:
    """The likeliest of `samples` docstrings for each function, finished ones before others.

    A function's draws are the same whatever else is asked.
    """
    prompts = [asked(function, form) for function in functions for _ in range(samples)]
    manner = replace(sampling, stop=() if form == "chat" else (QUOTES,), logprobs=0)
    seeds = [derive(sampling.seed, f.prompt, i) for f in functions for i in range(samples)]
    drawn: list[list[Described]] = [[] for _ in functions]
    for completion in scorer.generate(prompts, [replace(manner, seed=seed) for seed in seeds]):
        drawn[completion.index // samples].append(_described(completion))
    return [max(some, key=_worth) for some in drawn]


def _described(completion: Completion) -> Described:
    assert completion.logprobs, "log probabilities were asked for, and at least one token is drawn"
    return Described(
        words=unquoted(_inside(completion.text)),
        finished=completion.finish != "length",
        mean_log_probability=fmean(completion.logprobs),
    )


def _worth(said: Described) -> tuple[bool, bool, float]:
    return bool(said.words), said.finished, said.mean_log_probability


def _inside(answer: str) -> str:
    """What stands between quotes in an answer that has some, else all but the fences of code."""
    if QUOTES in answer:
        return answer.split(QUOTES)[1]
    lines = answer.strip().splitlines()
    return "\n".join(line for line in lines if not line.startswith("```"))
