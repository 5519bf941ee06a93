"""`practicum evaluate --task code`: programs written by a model, run against their tests."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.code_sandbox import sandboxed
from practicum.cli.elsewhere import Elsewhere
from practicum.cli.loading import Speaker
from practicum.cli.options import explained
from practicum.cli.render import print_json, print_table, showing_progress
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.data.code_problem import CodeProblem
    from practicum.data.program_verdicts import Runs
    from practicum.evaluation.code_ranking import Heuristic
    from practicum.evaluation.code_runs import Manner, Sample
    from practicum.serving.endpoint import Endpoint

USUAL = (1, 10, 100)  # the k that the paper reports


@dataclass(frozen=True, kw_only=True)
class Code:
    """Which problems, how programs are drawn, and how they are run."""

    task: Literal["code"] | None = explained(
        None, "Write programs and run their tests, instead of scoring a CORPUS or a --table."
    )
    problems: str | None = explained(
        None,
        "Code: a .jsonl or .json file (or .gz) as of HumanEval or MBPP, or the asset human-eval.",
    )
    first: int | None = explained(None, "Code: only so many problems, from the first.")
    completions: str | None = explained(
        None, "Code: run these (task_id and completion a line) and ask no model."
    )
    samples: int = explained(10, "Code: completions of each problem at each temperature.")
    temperature: str = explained("0.2", "Code: one, or several such as 0.2,0.6,1.0.")
    top_p: float = explained(0.95, "Code: only the likeliest tokens that together reach P.")
    max_tokens: int = explained(300, "Code: at most so many tokens a completion.")
    whole_prompt: bool = explained(
        False, "Code: keep the blanks that end a prompt; most tokenizers join them to what follows."
    )
    chat: bool = explained(
        False, "Code: ask in a conversation and take programs from answers; heeds no stop strings."
    )
    k: str | None = explained(
        None, "Code: for pass@k, such as 1,10. [default: of 1, 10, 100 what --samples allows]"
    )
    back_translation: bool = explained(
        False, "Code: rank programs by how likely the docstring is after them, too."
    )
    log: str | None = explained(None, "Code: write every completion and its verdict to a .jsonl.")
    seed: int = explained(0, "Code: the same seed gives the same completions.")
    seconds: float = explained(3.0, "Code: after which a program is ended.")
    packages: tuple[str, ...] = explained(
        (), "Code: an installed package of pure Python that programs may import (repeatable)."
    )
    workers: int = explained(2, "Code: programs that run at the same time.")
    force_sandbox: bool = explained(
        False, "Code: run programs even where this system cannot shut them in."
    )

    @property
    def temperatures(self) -> tuple[float, ...]:
        """As numbers. Raises ConfigError where they are none."""
        return tuple(_numbers("--temperature", self.temperature, float, "0.2,0.8"))

    def ks(self, samples: int) -> list[int]:
        """The k to report with so many samples of each problem. Raises ConfigError above them."""
        if self.k is None:
            return [k for k in USUAL if k <= samples]
        found = sorted(set(_numbers("--k", self.k, int, "1,10")))
        if found[0] < 1 or found[-1] > samples:
            raise ConfigError(
                f"--k is {self.k} with {samples} samples of a problem; pass@k needs k from 1 to "
                "that number"
            )
        return found

    def files(self) -> dict[str, str]:
        """What programs find in their folder. Raises DataError for a package that is not here."""
        from practicum.data.package_files import package_files

        return {name: text for one in self.packages for name, text in package_files(one).items()}

    def manner(self) -> "Manner":
        """As the library takes it."""
        from practicum.evaluation.code_runs import Manner

        return Manner(
            samples=self.samples,
            temperatures=self.temperatures,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            open_end=not self.whole_prompt,
            seed=self.seed,
        )


def evaluate_code(code: Code, speaker: Speaker, elsewhere: Elsewhere, as_json: bool) -> None:
    """Draw, run, count; everything that can be refused is refused before a model is loaded."""
    problems, given = _asked(code)
    ks = code.ks(code.manner().samples if given is None else min(_counts(given).values()))
    files = code.files()
    if code.log is not None:  # a place that cannot be written is refused now, and nothing lost
        Path(code.log).expanduser().open("a").close()
    endpoint = elsewhere.ask(speaker) if given is None else None
    box = sandboxed(code.seconds, code.workers, forced=code.force_sandbox)
    with box as sandbox, showing_progress():
        running = Running(sandbox=sandbox, files=files, log=code.log)
        if given is None:
            heuristics, samples = _drawn(endpoint or speaker, problems, code, running)
        else:
            heuristics, samples = {}, running.judged(given)
    model = code.completions if given is not None else (endpoint or speaker).model
    _print(samples, ks, heuristics, {"model": model, "problems": len(problems)}, as_json)


def _asked(code: Code) -> "tuple[list[CodeProblem], list[Sample] | None]":
    """The problems, and the completions of a file where one is named."""
    from practicum.data.assets import assets
    from practicum.data.fetch import ensure
    from practicum.evaluation.code_problems import read_completions, read_problems
    from practicum.evaluation.code_runs import Sample

    if code.problems is None:
        raise ConfigError("which problems? give --problems FILE.jsonl, or --problems human-eval")
    place = code.problems
    if place in assets() and not Path(place).exists():
        with showing_progress():
            place = str(ensure(place))
    whole = read_problems(place)
    if code.first is not None and code.first < 1:
        raise ConfigError(f"--first is {code.first}; expected at least 1")
    problems = whole[: code.first]
    if code.completions is None:
        return problems, None
    known = {problem.task_id for problem in problems}
    pairs = read_completions(code.completions, whole)
    pairs = [(problem, text) for problem, text in pairs if problem.task_id in known]
    if missing := known - {problem.task_id for problem, _ in pairs}:
        raise ConfigError(
            f"{code.completions} has no completion for {len(missing)} of {len(problems)} problems, "
            f"such as {min(missing)}; add them, or name a file of fewer problems"
        )
    numbers = Counter[str]()
    samples = []
    for problem, text in pairs:
        number = numbers[problem.task_id]
        numbers[problem.task_id] += 1
        samples.append(Sample(problem=problem, completion=text, number=number))
    return problems, samples


def _counts(samples: "Sequence[Sample]") -> Counter[str]:
    return Counter(sample.problem.task_id for sample in samples)


@dataclass(frozen=True, kw_only=True)
class Running:
    """Where programs run, what they find there, and where their ends are written."""

    sandbox: "Runs"
    files: dict[str, str]
    log: str | None

    def judged(self, samples: "list[Sample]", *, more: bool = False) -> "list[Sample]":
        """The samples with their verdicts, which now stand in the log, alone or as `more` of it."""
        from practicum.evaluation.code_runs import run_samples

        found = run_samples(samples, self.sandbox, self.files)
        if self.log is not None:
            mode = "a" if more else "w"
            with Path(self.log).expanduser().open(mode, encoding="utf-8") as file:
                file.writelines(json.dumps(sample.row) + "\n" for sample in found)
        return found


def _drawn(
    writer: "Speaker | Endpoint", problems: "list[CodeProblem]", code: Code, running: Running
) -> "tuple[dict[str, Heuristic], list[Sample]]":
    """What the model wrote, run, temperature by temperature, so that the log grows with each."""
    from practicum.evaluation import code_ranking
    from practicum.evaluation.chat_programs import InChat
    from practicum.evaluation.code_runs import draw_unscored
    from practicum.serving.engine import Engine

    if code.back_translation:
        for problem in problems:
            code_ranking.reversed_order(problem, "")  # refuses what has no docstring
    if isinstance(writer, Speaker):
        scorer = Engine(writer.load())  # reads a prompt once for all samples
        decode = scorer.tokenizer.decode
    else:
        scorer, decode = writer, writer.decode
    if code.back_translation:
        scorer.loglikelihood([("def", " f")])  # refuses a server that cannot
    asked = InChat(scorer) if code.chat else scorer
    heuristics: dict[str, Heuristic] = {
        f"{name} log P": heuristic for name, heuristic in code_ranking.LIKELIHOODS.items()
    }
    samples = []
    for temperature in code.manner().temperatures:
        drawn = draw_unscored(asked, problems, code.manner().at(temperature), decode=decode)
        samples += running.judged(drawn, more=bool(samples))
    if any(sample.logprobs is None for sample in samples):
        click.echo("what tokens were worth is not told: no ranking by log P", err=True)
        heuristics = {}
    if code.back_translation:
        heuristics["back-translation"] = code_ranking.back_translation(scorer)
    return heuristics, samples


def _print(
    samples: "list[Sample]",
    ks: list[int],
    heuristics: "dict[str, Heuristic]",
    about: dict[str, Any],
    as_json: bool,
) -> None:
    from practicum.evaluation.code_runs import by_temperature
    from practicum.evaluation.temperature_sweep import best, swept

    groups = by_temperature(samples)
    sweep = swept(groups, ks)
    found = [
        {
            "temperature": temperature,
            "k": k,
            "pass_at_k": rate.mean,
            "low": rate.interval and rate.interval[0],
            "high": rate.interval and rate.interval[1],
            "best": best(sweep, k) == temperature,
        }
        for temperature, rates in sweep.items()
        for k, rate in rates.items()
    ]
    chosen = _ranked(groups, heuristics)
    results = Counter(sample.verdict.result for sample in samples if sample.verdict is not None)
    ended = {result: results[result] for result in ("passed", "failed", "timed out")}
    if as_json:
        return print_json({**about, "pass_at_k": found, "ranking": chosen, "results": ended})
    print_table(found, title=f"{about['model']}, {about['problems']} problems")
    if chosen:
        print_table(chosen, title="One program chosen of n: the share that passes")
    return print_table([ended])


def _ranked(
    groups: "Mapping[float | None, Sequence[Sequence[Sample]]]", heuristics: "dict[str, Heuristic]"
) -> list[dict[str, Any]]:
    from practicum.evaluation.code_ranking import ranked

    rows = []
    for temperature, problems in groups.items() if heuristics else ():
        n = min(len(samples) for samples in problems)
        if n > 1:
            shares = ranked(problems, n, heuristics)
            rows.append({"temperature": temperature, "n": n, **shares})
    return rows


def _numbers(option: str, text: str, kind: type, example: str) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{option} is '{text}'; expected numbers such as {example}") from None
