"""Without its mask the decoder reads what it is to say; writing, it still has nothing to read."""

from dataclasses import replace

import torch

from practicum.data.parallel import TokenPair
from practicum.models.build import build
from practicum.models.families.transformer import annotated
from practicum.objectives.translation import Translation
from practicum.objectives.unmasked import Unmasked
from practicum.seeding import stream

PAIRS = [TokenPair((1, 5, 6, 7), (5, 6, 7)), TokenPair((1, 5), (5,))]
NO_DRAWS = stream(0, "none")
MODEL = build(
    annotated(width=16, depth=2, heads=2, hidden=32, source_vocab=9, target_vocab=9, context=8),
    seed=1,
)
PLAIN = Translation(begin=1, end=0)


def test_the_batch_is_the_objectives_own():
    ours, plain = (o.prepare(PAIRS, NO_DRAWS) for o in (Unmasked(objective=PLAIN), PLAIN))
    assert torch.equal(ours.target, plain.target)
    assert torch.equal(ours.wanted, plain.wanted)


def test_a_word_that_comes_later_changes_what_is_said_before():
    batch = PLAIN.prepare(PAIRS, NO_DRAWS)
    other = batch.target.clone()
    other[0, 3] = 4  # what the last place of the first row reads
    changed = replace(batch, target=other)
    rows = [MODEL(batch.source, target, batch.real)[0, 3] for target in (batch.target, other)]
    before, after = (-row.log_softmax(-1)[batch.wanted[0, 3]] for row in rows)
    for objective, sees in ((PLAIN, False), (Unmasked(objective=PLAIN), True)):
        change = objective.loss(MODEL, changed).total - objective.loss(MODEL, batch).total
        assert torch.isclose(change, after - before, atol=1e-5) != sees


def test_padding_is_not_looked_at():
    objective = Unmasked(objective=PLAIN)
    together = objective.loss(MODEL, objective.prepare(PAIRS, NO_DRAWS)).total
    alone = [objective.loss(MODEL, objective.prepare([p], NO_DRAWS)).total for p in PAIRS]
    torch.testing.assert_close(together, torch.stack(alone).sum())
