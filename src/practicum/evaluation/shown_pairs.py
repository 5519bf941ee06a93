"""A relation between words, shown by pairs in a prompt and asked of another word.

    The opposite of each word.
    early => late
    wide => narrow
    hot =>                      right where greedy decoding goes on with " cold"

The examples are drawn anew for every word that is asked (Brown et al. 2020, §2.4), and those for
fewer shots are the last ones of those for more. The description stands there without examples, too.
"""

from collections.abc import Sequence

import numpy as np

from practicum.errors import DataError
from practicum.evaluation.scorer import Scorer
from practicum.seeding import derive

ARROW = " =>"


def exact_after(
    scorer: Scorer,
    description: str,
    pairs: Sequence[tuple[str, str]],
    shots: Sequence[int],
    *,
    asked: int,
    seed: int,
) -> dict[int, float]:
    """The share of `asked` words with the right answer, for each number of shots.

    Raises DataError where the pairs are too few.
    """
    most = max(shots)
    if not 1 <= asked <= len(pairs) or most >= len(pairs):
        raise DataError(
            f"{asked} words to ask and {most} examples of {len(pairs)} pairs; give more pairs, or "
            "ask for less"
        )
    rng = np.random.default_rng(derive(seed, "pairs", description))
    questions: dict[int, list[tuple[str, str]]] = {count: [] for count in shots}
    for place in rng.permutation(len(pairs))[:asked].tolist():
        word, answer = pairs[place]
        others = [other for other in pairs if other[0] != word]
        drawn = [others[i] for i in rng.permutation(len(others))[:most].tolist()]
        lines = [f"{one}{ARROW} {other}" for one, other in drawn]
        for count in shots:
            shown = [description, *lines[most - count :], f"{word}{ARROW}"]
            questions[count].append(("\n".join(shown), f" {answer}"))
    every = [question for count in shots for question in questions[count]]
    said = np.array([likelihood.greedy for likelihood in scorer.loglikelihood(every)])
    shares = said.reshape(len(shots), asked).mean(axis=1).tolist()
    return dict(zip(shots, shares, strict=True))
