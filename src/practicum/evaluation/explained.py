"""Whether docstrings that a model writes after code say what the code does (Chen et al. 2021, §5).

The paper's samples were read by people. A chained function's docstring is a list of phrases, each
of which means one change of a string, so here it is right or wrong, and nobody has to read it.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from practicum.data.chained_blocks import ChainedFunction, named
from practicum.decoding.sampling import Sampling
from practicum.evaluation.scorer import Scorer, texts
from practicum.seeding import derive


def explained(
    scorer: Scorer, functions: Sequence[ChainedFunction], sampling: Sampling, *, times: int
) -> float:
    """The share of docstrings that name what the functions do, all of it and in its order.

    One for each function is drawn `times` times. The bodies shown are the functions' own.
    """
    prompts = [function.parts.words_from_code.prompt for function in functions]
    done = [tuple(block.name for block in function.blocks) for function in functions]
    right: list[bool] = []
    for number in range(times):
        drawn = replace(sampling, seed=derive(sampling.seed, "words", number))
        said = texts(scorer, prompts, drawn)
        right += [named(text) == blocks for text, blocks in zip(said, done, strict=True)]
    return fmean(right)
