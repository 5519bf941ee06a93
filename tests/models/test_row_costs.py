"""Longer rows cost a Transformer more products, and no more waiting."""

from practicum.models.build import build
from practicum.models.families.transformer import transformer
from practicum.models.row_costs import row_cost, seconds_per_update

SMALL = transformer(width=16, depth=1, heads=2, vocab=20, context=40)


def test_a_row_twice_as_long_takes_more_products_in_the_same_chain():
    short, long = row_cost(SMALL, 8), row_cost(SMALL, 16)
    assert short.chain == long.chain
    assert 2 * short.products < long.products < 4 * short.products


def test_an_update_takes_time_and_leaves_no_gradient():
    model = build(SMALL, seed=1)
    assert seconds_per_update(model, 8, rows=2, repeats=1) > 0
    assert all(p.grad is None for p in model.parameters())
