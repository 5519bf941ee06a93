import pytest
import torch

from practicum.decoding.model import prefill, step
from practicum.errors import DataError
from practicum.evaluation.greedy import greedy_says
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.seeding import stream


@pytest.fixture
def model():
    return build(gpt2(width=16, depth=2, heads=2, vocab=5, context=24, std=0.5), seed=1)


def test_it_is_what_greedy_decoding_says_token_by_token(model):
    ids = torch.randint(5, (40, 20), generator=stream(0, "ids"))
    stretches = [slice(1, 2), slice(5, 7), slice(18, 20)]
    expected = []
    for row in ids.tolist():
        said = []
        for stretch in stretches:
            with torch.no_grad():
                last, state = prefill(model, [row[: stretch.start]], 24)
                tokens = [int(last.argmax())]
                while len(tokens) < stretch.stop - stretch.start:
                    tokens.append(int(step(model, torch.tensor(tokens[-1:]), state).argmax()))
            said.append(tokens == row[stretch])
        expected.append(said)
    found = greedy_says(model, ids, stretches, batch=7)
    assert found.tolist() == expected
    assert 0 < found.float().mean() < 1


@pytest.mark.parametrize("stretch", [slice(0, 2), slice(3, 3), slice(18, 21)])
def test_stretches_that_cannot_be_asked_for_are_named(model, stretch):
    with pytest.raises(DataError, match="cannot be asked for"):
        greedy_says(model, torch.zeros(1, 20, dtype=torch.long), [stretch])
