"""Writing programs with a model and running them: samples, verdicts, and their tallies.

n completions a problem and temperature are drawn with nucleus sampling, each with a seed of its own
and ended at a stop string (Chen et al. 2021, §3.2); they run in the sandbox, equal programs once.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Protocol, TypeVar

from practicum.data.code_problem import CodeProblem, program_of
from practicum.data.program_verdicts import Runs, Verdict, judge
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError
from practicum.evaluation.code_problems import stops_of
from practicum.evaluation.pass_at_k import Tally, pass_at_k
from practicum.evaluation.scorer import Scorer
from practicum.events import Progress, emit
from practicum.seeding import derive
from practicum.tokenizers.tokenizer import Tokenizer

HALF = "\ufffd"  # how a character shows whose last bytes are in the next token
Decode = Callable[[Sequence[int]], str]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How completions are drawn."""

    samples: int = 10  # n, of each problem at each temperature
    temperatures: tuple[float, ...] = (0.2,)
    top_p: float | None = 0.95
    max_tokens: int = 300
    stop: tuple[str, ...] | None = None  # None: what `stops_of` has for the problem
    open_end: bool = False  # ask without the blanks that end a prompt; see `prompt`
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or not self.temperatures:
            raise ConfigError(
                f"{self.samples} samples at {len(self.temperatures)} temperatures; expected at "
                "least one of each"
            )
        if len(set(self.temperatures)) < len(self.temperatures):
            raise ConfigError(f"temperatures {self.temperatures} are not all different")
        for temperature in self.temperatures:  # what cannot be is refused before a model is loaded
            Sampling(temperature=temperature, top_p=self.top_p, max_tokens=self.max_tokens)

    def at(self, temperature: float, *, samples: int | None = None) -> "Manner":
        """The same at one temperature alone, and with another number of samples if given."""
        count = self.samples if samples is None else samples
        return replace(self, temperatures=(temperature,), samples=count)

    def prompt(self, problem: CodeProblem) -> str:
        """What the model reads.

        Most tokenizers join a line end to the indentation after it. A prompt that ends in a line
        end then asks for a token that never followed it in training; with `open_end` the model
        writes the line end itself, which is no part of the completion.
        """
        return problem.prompt.rstrip() if self.open_end else problem.prompt

    def sampling(self, problem: CodeProblem, temperature: float, number: int) -> Sampling:
        """Of one sample; the same whatever other problems and temperatures are asked."""
        return Sampling(
            temperature=temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            stop=stops_of(problem) if self.stop is None else self.stop,
            seed=derive(self.seed, problem.task_id, number),
            logprobs=0,
        )


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One completion, and how its program ended."""

    problem: CodeProblem
    completion: str  # without the stop string
    temperature: float | None = None  # None: read from a file
    number: int = 0  # of its problem and temperature, from 0
    logprobs: tuple[float, ...] | None = None  # log P, in nats, of each token of the completion
    verdict: Verdict | None = None  # None: not run yet

    @property
    def program(self) -> str:
        """What is run."""
        return program_of(self.problem, self.completion)

    @property
    def passed(self) -> bool:
        """Whether it passed its tests. Only after it was run."""
        assert self.verdict is not None, f"{self.problem.task_id} was not run"
        return self.verdict.passed

    @property
    def row(self) -> dict[str, Any]:
        """A line of a log; of task_id, completion, passed and result the released harness knows."""
        row: dict[str, Any] = {"task_id": self.problem.task_id, "completion": self.completion}
        row |= {"temperature": self.temperature, "sample": self.number}
        if self.logprobs is not None:
            total, count = sum(self.logprobs), len(self.logprobs)
            row |= {"tokens": count, "log_probability": total}
            row["mean_log_probability"] = total / count if count else None
        if self.verdict is not None:
            row |= {"passed": self.verdict.passed, "result": self.verdict.result}
            row |= {"reason": self.verdict.reason, "seconds": round(self.verdict.seconds, 3)}
        return row


def draw_samples(
    scorer: Scorer,
    problems: Sequence[CodeProblem],
    manner: Manner,
    *,
    decode: Decode | None = None,
) -> list[Sample]:
    """`manner.samples` completions of every problem, temperature by temperature, not yet run.

    At temperature 0 one is drawn and counted n times. `decode`, of the scorer's tokenizer, tells
    which tokens were kept; without it what ended at a stop string is scored once more.
    """
    asked = _asked(problems, manner)
    samplings = [manner.sampling(s.problem, s.temperature or 0.0, s.number) for s in asked]
    drawn: dict[int, Sample] = {}
    unscored: dict[int, tuple[str, str]] = {}
    prompts = [manner.prompt(sample.problem) for sample in asked]
    for completion in scorer.generate(prompts, samplings):
        logs = _kept_logprobs(completion, decode)
        at = completion.index
        left_out = asked[at].problem.prompt[len(prompts[at]) :]
        text = completion.text.removeprefix(left_out)
        drawn[at] = replace(asked[at], completion=text, logprobs=logs)
        if logs is None:
            unscored[at] = (prompts[at], completion.text)
        done, total = len(drawn), len(asked)
        emit(Progress(task="writing programs", done=done, total=total, unit="samples"))
    likelihoods = scorer.loglikelihood(list(unscored.values())) if unscored else []
    for at, likelihood in zip(unscored, likelihoods, strict=True):
        drawn[at] = replace(drawn[at], logprobs=likelihood.tokens)
    return list(_repeated([drawn[at] for at in range(len(asked))], manner.samples))


UNTOLD = (math.nan,)  # stands where nobody can say what tokens were worth


@dataclass(frozen=True)
class Unscored:
    """A scorer that writes, and is asked for nothing more."""

    scorer: Scorer

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """As the scorer's."""
        return self.scorer.generate(prompts, sampling)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """For each pair that it is not known."""
        return [Likelihood(total=math.nan, tokens=UNTOLD, greedy=False)] * len(pairs)


def draw_unscored(
    scorer: Scorer, problems: Sequence[CodeProblem], manner: Manner, *, decode: Decode
) -> list[Sample]:
    """As `draw_samples`, but what a completion does not tell of its tokens stays unknown."""
    drawn = draw_samples(Unscored(scorer), problems, manner, decode=decode)
    return [replace(one, logprobs=None) if one.logprobs is UNTOLD else one for one in drawn]


def _asked(problems: Sequence[CodeProblem], manner: Manner) -> list[Sample]:
    """The samples that are drawn, still empty."""
    return [
        Sample(problem=problem, completion="", temperature=temperature, number=number)
        for temperature in manner.temperatures
        for problem in problems
        for number in range(manner.samples if temperature > 0 else 1)
    ]


def _repeated(samples: Sequence[Sample], count: int) -> Iterator[Sample]:
    for sample in samples:
        if sample.temperature == 0:
            yield from (replace(sample, number=number) for number in range(count))
        else:
            yield sample


def _kept_logprobs(completion: Completion, decode: Decode | None) -> tuple[float, ...] | None:
    """log P of the tokens that the text consists of; None where that cannot be told.

    The end token and the tokens of a stop string were drawn and are no part of the program. A token
    that is partly text and partly stop string is kept.
    """
    logs = completion.logprobs
    if logs is None:
        return None
    if completion.finish == "end":
        return logs[:-1]
    if completion.finish == "length":
        return logs
    if decode is None:
        return None
    ids, length = completion.ids, len(completion.text)

    def before(count: int) -> int:
        """Whole characters that the first tokens make."""
        return len(decode(ids[:count]).rstrip(HALF))

    return logs[: bisect_left(range(len(ids)), length, key=before)]


def run_samples(
    samples: Sequence[Sample], sandbox: Runs, files: Mapping[str, str] | None = None
) -> list[Sample]:
    """The samples with their verdicts, in order; equal programs run once. `files` as `judge`'s."""
    verdicts = judge([sample.program for sample in samples], sandbox, files)
    return [replace(s, verdict=verdict) for s, verdict in zip(samples, verdicts, strict=True)]


class Writer(Scorer, Protocol):
    """A scorer whose tokenizer is at hand, as a `LanguageModel`'s and an engine's is."""

    @property
    def tokenizer(self) -> Tokenizer: ...


def written(
    writer: Writer, problems: Sequence[CodeProblem], manner: Manner, sandbox: Runs
) -> dict[float, list[list[Sample]]]:
    """Samples drawn and run: those of each temperature, problem by problem."""
    drawn = draw_samples(writer, problems, manner, decode=writer.tokenizer.decode)
    found = by_temperature(run_samples(drawn, sandbox))
    return {temperature: found.get(temperature, []) for temperature in manner.temperatures}


def by_temperature(samples: Sequence[Sample]) -> dict[float | None, list[list[Sample]]]:
    """The samples of each temperature, problem by problem, all in the order they come in."""
    found: dict[float | None, dict[str, list[Sample]]] = {}
    for sample in samples:
        problems = found.setdefault(sample.temperature, {})
        problems.setdefault(sample.problem.task_id, []).append(sample)
    return {temperature: list(problems.values()) for temperature, problems in found.items()}


def tally(samples: Sequence[Sample]) -> Tally:
    """How many samples of one problem there are, and how many passed."""
    return Tally(samples=len(samples), right=sum(sample.passed for sample in samples))


def mean_pass(problems: Sequence[Sequence[Sample]], k: int) -> float:
    """pass@k, the mean over problems. Raises ConfigError for none, and as `pass_at_k`."""
    if not problems:
        raise ConfigError("pass@k of no problems; give at least one")
    return fmean(pass_at_k(tally(samples), k) for samples in problems)


def pass_by_kind(
    kinds: Sequence[K], problems: Sequence[Sequence[Sample]], k: int
) -> dict[K, float]:
    """pass@k over the problems of each kind, in the order in which kinds occur.

    `kinds` has one for each problem. Errors as `mean_pass`'s.
    """
    found: dict[K, list[Sequence[Sample]]] = {}
    for kind, samples in zip(kinds, problems, strict=True):
        found.setdefault(kind, []).append(samples)
    return {kind: mean_pass(some, k) for kind, some in found.items()}


def shown(samples: Sequence[Sample]) -> str:
    """The first sample of a problem as a person reads it, and how many of all pass."""
    first, counted = samples[0], tally(samples)
    passing = f"# {counted.right} of {counted.samples} pass\n"
    return f"{first.problem.prompt}{first.completion}\n{passing}"
