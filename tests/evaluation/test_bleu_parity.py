"""Our BLEU is sacrebleu's, whatever is smoothed and however many references there are."""

import random

import pytest
from sacrebleu.metrics.bleu import BLEU

from practicum.evaluation.bleu import AddToHigher, Floor, Halving, NoSmoothing, Smoothing, bleu

SMOOTHINGS: dict[str, tuple[Smoothing, dict[str, float]]] = {
    "none": (NoSmoothing(), {}),
    "floor": (Floor(matches=0.1), {"smooth_value": 0.1}),
    "add-k": (AddToHigher(count=1), {"smooth_value": 1}),
    "exp": (Halving(), {}),
}


def corpus(
    seed: int, *, sentences: int, references: int, similar: float, shortest: int
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Translations and their references, which share about so many of their words."""
    draw = random.Random(seed)

    def varied(words: list[str]) -> list[str]:
        kept = [w if draw.random() < similar else f"w{draw.randrange(30)}" for w in words]
        return kept[: draw.randint(max(1, len(kept) - 3), len(kept))]

    lengths = [draw.randint(shortest, 18) for _ in range(sentences)]
    said = [[f"w{draw.randrange(30)}" for _ in range(length)] for length in lengths]
    return said, [[varied(words) for _ in range(references)] for words in said]


@pytest.mark.parametrize("name", SMOOTHINGS)
@pytest.mark.parametrize("effective", [False, True])
@pytest.mark.parametrize("similar", [0.9, 0.5, 0.05])
def test_scores_are_those_of_sacrebleu(name: str, effective: bool, similar: float):
    smoothing, options = SMOOTHINGS[name]
    theirs = BLEU(
        tokenize="none", smooth_method=name, effective_order=effective, force=True, **options
    )
    # where nothing was said of an order, sacrebleu's add-k makes its precision 1 and ours leaves it
    shortest = 4 if name == "add-k" else 1
    for seed in range(25):
        size, references = (1, 3)[seed % 2] * (1 + seed // 6), 1 + seed % 3
        said, right = corpus(
            seed, sentences=size, references=references, similar=similar, shortest=shortest
        )
        ours = bleu(said, right, smoothing=smoothing, effective=effective)
        lists = [[" ".join(words[i]) for words in right] for i in range(references)]
        found = theirs.corpus_score([" ".join(words) for words in said], lists)
        assert ours.score == pytest.approx(found.score, abs=0.01), (seed, said, right)
        assert (ours.said, ours.wanted) == (found.sys_len, found.ref_len)
