"""What every architecture of the table keeps: its sizes, causality, reading on, and learning."""

import numpy as np
import pytest
import torch

from practicum.data.loader import Loader
from practicum.data.packing import Example
from practicum.models.build import build, parameters_of
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families import galactica, gemma, gopher, gpt3, lamda, olmo, opt, palm, phi
from practicum.objectives.next_token import NextToken
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import fit

SIZES = {
    f"{family.__name__.rpartition('.')[2]} {name}": size
    for family in (gpt3, palm, gopher, lamda, opt, galactica, phi, olmo, gemma)
    for name, size in family.SIZES.items()
}
VOCAB, LENGTH = 31, 24


TINY = {
    "gpt3": gpt3.gpt3(width=24, depth=4, heads=3, vocab=VOCAB, context=LENGTH, band=5),
    "gpt3, dense": gpt3.gpt3(width=24, depth=3, heads=3, vocab=VOCAB, context=LENGTH, band=None),
    "palm": palm.palm(
        width=24, depth=2, heads=3, head_width=10, hidden=40, vocab=VOCAB, context=LENGTH
    ),
    "palm, serial, many keys": palm.palm(
        width=24, depth=2, heads=3, kv_heads=3, head_width=6, vocab=VOCAB, parallel=False
    ),
    "gopher": gopher.gopher(width=24, depth=2, heads=3, head_width=7, vocab=VOCAB, context=LENGTH),
    "lamda": lamda.lamda(
        width=24, depth=2, heads=4, head_width=9, hidden=50, vocab=VOCAB, context=LENGTH
    ),
    "lamda, untied": lamda.lamda(width=24, depth=2, heads=2, vocab=VOCAB, tied=False),
    "opt": opt.opt(width=24, depth=2, heads=3, vocab=VOCAB, context=LENGTH, std=0.1),
    "opt, norms after": opt.opt(
        width=24, depth=2, heads=3, vocab=VOCAB, context=LENGTH, norms="after", std=0.1
    ),
    "galactica": galactica.galactica(
        width=24, depth=2, heads=3, vocab=VOCAB, context=LENGTH, std=0.1
    ),
    "phi": phi.phi(width=24, depth=2, heads=2, hidden=50, vocab=VOCAB, context=LENGTH),
    "olmo": olmo.olmo(width=24, depth=2, heads=2, hidden=40, vocab=VOCAB, context=LENGTH),
    "gemma": gemma.gemma(
        width=24, depth=2, heads=3, kv_heads=1, head_width=10, hidden=40, vocab=VOCAB
    ),
    "gemma 2": gemma.gemma2(
        width=24, depth=2, heads=4, kv_heads=2, head_width=10, hidden=40, vocab=VOCAB, window=5
    ),
    "gemma 3": gemma.gemma3(
        width=24, depth=2, heads=3, kv_heads=1, hidden=40, vocab=VOCAB, window=5, every=2
    ),
    "olmo, clipped": olmo.olmo(width=24, depth=2, heads=2, hidden=40, vocab=VOCAB, clip=0.5),
}


@pytest.fixture(params=TINY)
def model(request: pytest.FixtureRequest) -> DecoderModel:
    """The network in float64, with every parameter away from where it starts."""
    made = build(TINY[request.param], seed=1, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            noise = torch.randn(parameter.shape, generator=stream(2, name), dtype=torch.float64)
            parameter += 0.3 * noise
    return made


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(VOCAB, (2, LENGTH), generator=stream(0, "ids"))


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_its_number_of_parameters(name: str):
    description, count = SIZES[name]
    assert parameters_of(description) == count


@pytest.mark.parametrize("name", gopher.SIZES)
def test_a_gopher_multiplies_by_as_many_numbers_as_the_paper_says(name: str):
    description, _ = gopher.SIZES[name]
    stack, width = description.stack, description.stack.width
    assert multiplied(description) == 13 * stack.depth * width**2


@pytest.mark.parametrize(
    ("name", "published"), [("2B", 2_097_152_000), ("8B", 8_589_934_592), ("137B", 137_438_953_472)]
)
def test_a_lamda_multiplies_by_as_many_numbers_as_the_paper_says(name: str, published: int):
    description, _ = lamda.SIZES[name]
    looked_up = 32 * description.stack.blocks[0].attention.heads
    assert multiplied(description) - looked_up == published


def multiplied(description: Decoder) -> int:
    """Numbers in the matrices of all layers: no biases and no gains."""
    matrices = ("qkv.weight", "out.weight", "up.weight", "down.weight", "relative.weight")
    return sum(
        parameter.numel()
        for name, parameter in build(description, device="meta").named_parameters()
        if name.endswith(matrices)
    )


@torch.no_grad()
def test_the_future_does_not_reach_the_past(model: DecoderModel, ids: torch.Tensor):
    changed = ids.clone()
    changed[:, 15:] = (changed[:, 15:] + 1) % VOCAB
    before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :15], after[:, :15])
    assert not torch.allclose(before[:, 15:], after[:, 15:])


@torch.no_grad()
def test_reading_on_from_what_was_kept_equals_reading_at_once(
    model: DecoderModel, ids: torch.Tensor
):
    state = model.new_state(2, LENGTH)
    parts = [model(part, state) for part in ids.split([9, 1, 1, 12, 1], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(ids))


@pytest.mark.parametrize("name", TINY)
def test_it_learns_a_row_by_heart(name: str):
    row = Example(ids=np.arange(LENGTH + 1, dtype=np.int64) * 7 % VOCAB)
    model, budget = build(TINY[name], seed=1), Budget(steps=30, batch=2, rate=1e-2)
    trained = fit(model, Loader([row, row], 2, seed=0), NextToken(), budget, seed=0)
    assert trained.loss < 1.0 < np.log(VOCAB)
