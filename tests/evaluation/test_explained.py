"""A docstring is right where it names all changes in their order."""

import numpy as np

from practicum.data.chained_blocks import ChainedBlocks
from practicum.decoding.sampling import Sampling
from practicum.evaluation.explained import explained

FUNCTIONS = ChainedBlocks().ask(2, 4, np.random.default_rng(1))
DOCSTRINGS = {each.parts.words_from_code.prompt: each.parts.docstring for each in FUNCTIONS}
SAMPLING = Sampling(temperature=0.5, max_tokens=60, seed=7)


def test_the_function_s_own_docstring_is_right_and_it_is_asked_for_after_the_code(told):
    scorer = told(answer=lambda prompt, sampling: DOCSTRINGS[prompt])
    assert explained(scorer, FUNCTIONS, SAMPLING, times=2) == 1.0
    assert scorer.prompts == [*DOCSTRINGS, *DOCSTRINGS]
    first, second = scorer.samplings
    assert first.seed != second.seed
    assert (first.temperature, first.max_tokens) == (0.5, 60)


def test_one_phrase_missing_or_one_more_is_wrong(told):
    def shortened(prompt: str, sampling: object) -> str:
        return "".join(DOCSTRINGS[prompt].splitlines(keepends=True)[:-2])

    assert explained(told(answer=shortened), FUNCTIONS, SAMPLING, times=1) == 0.0
    longer = told(answer=lambda prompt, sampling: DOCSTRINGS[prompt] + "    - sing a song\n")
    assert explained(longer, FUNCTIONS, SAMPLING, times=1) == 0.0


def test_the_share_is_that_of_all_answers(told):
    first = FUNCTIONS[0].parts.docstring
    scorer = told(answer=lambda prompt, sampling: first)
    assert explained(scorer, FUNCTIONS, SAMPLING, times=3) == 0.25
