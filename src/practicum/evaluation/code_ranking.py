"""Choosing one program of many without tests (Chen et al. 2021, §3.3).

A heuristic gives every sample a number, and the sample with the largest is handed in. By mean log
probability of its tokens (the paper's best), by their sum, or by back-translation: how likely the
docstring is after the program, P(docstring | sample). Between chance, which is pass@1, and an
oracle that knows the tests, which is pass@k, a heuristic shows what it is worth.
"""

import ast
import math
from collections.abc import Callable, Sequence
from statistics import fmean

from practicum.data.code_problem import CodeProblem
from practicum.data.syntax import source_lines
from practicum.errors import ConfigError
from practicum.evaluation.code_runs import Sample, mean_pass
from practicum.evaluation.scorer import Scorer

Heuristic = Callable[[Sequence[Sample]], list[float]]  # a number for every sample


def mean_log_probability(samples: Sequence[Sample]) -> list[float]:
    """log P per token; −∞ for a program of no tokens."""
    return [fmean(logs) if (logs := _logs(sample)) else -math.inf for sample in samples]


def log_probability(samples: Sequence[Sample]) -> list[float]:
    """log P of the whole program, which favours short ones; −∞ for a program of no tokens."""
    return [math.fsum(logs) if (logs := _logs(sample)) else -math.inf for sample in samples]


LIKELIHOODS = {"mean": mean_log_probability, "sum": log_probability}  # what any scorer can give


def back_translation(scorer: Scorer) -> Heuristic:
    """log P(docstring | signature, body) per token, by a model that need not be the writer."""

    def scores(samples: Sequence[Sample]) -> list[float]:
        pairs = [reversed_order(sample.problem, sample.completion) for sample in samples]
        found = scorer.loglikelihood(pairs)
        return [fmean(one.tokens) if one.tokens else -math.inf for one in found]

    return scores


def reversed_order(problem: CodeProblem, completion: str) -> tuple[str, str]:
    """(signature and body, docstring): the problem in the order in which it is explained (§5).

    The docstring is the first text that stands for itself in the function; in one problem of
    HumanEval an import precedes it. Raises ConfigError for a prompt without one.
    """
    try:
        tree = ast.parse(problem.prompt + "\n    pass\n")
    except SyntaxError:
        tree = ast.Module([], [])
    said = [
        node
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name == problem.entry_point
        for node in function.body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    if not said:
        raise ConfigError(
            f"{problem.task_id}: the prompt has no docstring of {problem.entry_point} to translate "
            "back to; choose another ranking"
        )
    first = said[0]
    lines = source_lines(problem.prompt)
    docstring = "".join(lines[first.lineno - 1 : first.end_lineno])
    code = "".join(lines[: first.lineno - 1]) + "".join(lines[first.end_lineno :])
    return code + completion.rstrip() + "\n", docstring.rstrip()


def chosen_passes(scores: Sequence[float], passed: Sequence[bool], k: int) -> float:
    """The chance that the best-scored of k samples, drawn from all n, passes; exact, in [0, 1].

    In falling order of scores the i-th (from 0) is the best of its draw with probability
    C(n − 1 − i, k − 1) / C(n, k). Equal scores share their places. Raises ConfigError for k > n.
    """
    n = len(scores)
    if not 1 <= k <= n or len(passed) != n:
        raise ConfigError(f"the best of {k} samples out of {n}; expected k from 1 to {n}")
    order = sorted(range(n), key=lambda i: -scores[i])
    total, place = 0.0, 0
    while place < n:
        equal = [i for i in order[place:] if scores[i] == scores[order[place]]]
        weight = sum(math.comb(n - 1 - i, k - 1) for i in range(place, place + len(equal)))
        total += weight / math.comb(n, k) * fmean(passed[i] for i in equal)
        place += len(equal)
    return total


def ranked(
    problems: Sequence[Sequence[Sample]], k: int, heuristics: dict[str, Heuristic]
) -> dict[str, float]:
    """For each heuristic the share of problems that one program, chosen of k, solves.

    `problems` holds the samples of each, run and of one temperature. Beside the heuristics stand
    "random", which is pass@1, and "oracle", which is pass@k. Raises ConfigError for k > n.
    """
    found = {"random": mean_pass(problems, 1)}
    for name, heuristic in heuristics.items():
        found[name] = fmean(
            chosen_passes(heuristic(samples), [s.passed for s in samples], k)
            for samples in problems
        )
    found["oracle"] = mean_pass(problems, k)
    return found


def _logs(sample: Sample) -> tuple[float, ...]:
    if sample.logprobs is None:
        raise ConfigError(
            f"{sample.problem.task_id}: the sample has no log probabilities; draw it from a model, "
            "or leave such rankings out"
        )
    return sample.logprobs
