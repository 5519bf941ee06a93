"""Real functions asked of a model: bodies written from what stands before them, run on doctests.

What a model may have read is no proof that it can write. So a problem counts only where its tests
tell the shipped body from one that returns None, which is tried first, in the same sandbox.
"""

from collections.abc import Sequence

from practicum.data.code_problem import CodeProblem
from practicum.data.doctest_problems import discriminating
from practicum.data.program_verdicts import Runs
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ConfigError
from practicum.evaluation.code_runs import Manner, Sample, written


def real_functions(
    lm: LanguageModel, problems: Sequence[CodeProblem], manner: Manner, sandbox: Runs
) -> list[list[Sample]]:
    """The samples of each problem that can be asked; none at all where none can.

    Left out are prompts after which the context has no room for a third of a completion.
    `manner` has one temperature. Raises ConfigError for several.
    """
    if len(manner.temperatures) > 1:
        raise ConfigError(f"real functions at temperatures {manner.temperatures}; give one of them")
    room = lm.context - manner.max_tokens // 3
    fitting = [one for one in problems if len(lm.encode_prompt(one.prompt)) <= room]
    (groups,) = written(lm, discriminating(fitting, sandbox), manner, sandbox).values()
    return groups
