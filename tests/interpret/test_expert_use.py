"""What is said of experts' use is what was counted."""

import pytest
import torch

from practicum.interpret.expert_use import (
    chance_either,
    chance_first,
    expert_use,
    mutual_information,
)
from practicum.interpret.routing_audit import audit
from practicum.models.build import build
from practicum.models.families.mixtral import mixtral
from practicum.seeding import stream


def test_shares_repetition_and_skew_are_counted():
    experts = torch.tensor([[[0, 1], [0, 2], [2, 1], [1, 0]]])
    use = expert_use(experts, 4)
    assert use.first.tolist() == [0.5, 0.25, 0.25, 0.0]
    assert use.either.tolist() == [0.75, 0.75, 0.5, 0.0]
    assert use.repeated_first == pytest.approx(1 / 3)
    assert use.repeated_either == pytest.approx(1.0)
    assert use.skew == pytest.approx(1.5)
    assert use.dead == [3]
    assert use.expected_repetition == pytest.approx(0.375)


def test_chance_is_that_of_the_report_and_of_even_draws():
    assert chance_first(8) == 0.125
    assert chance_either(8, 2) == pytest.approx(1 - (6 / 8) * (5 / 7))
    draws = torch.rand(1, 20_000, 8, generator=stream(0, "draws")).topk(2).indices
    use = expert_use(draws, 8)
    assert use.repeated_first == pytest.approx(chance_first(8), abs=0.01)
    assert use.repeated_either == pytest.approx(chance_either(8, 2), abs=0.015)
    assert use.entropy == pytest.approx(3.0, abs=0.001)


def test_information_is_none_of_chance_and_all_of_a_copy():
    one = torch.randint(8, (4000,), generator=stream(0, "one"))
    other = torch.randint(40, (4000,), generator=stream(0, "other"))
    assert mutual_information(one, other) == pytest.approx(0.0, abs=0.05)
    assert mutual_information(one, one) == pytest.approx(3.0, abs=0.01)


def test_an_audit_tells_every_layer_and_source():
    model = build(mixtral(width=16, depth=2, heads=2, hidden=8, experts=4, vocab=30, context=20))
    texts = {
        name: torch.randint(30, (5, 12), generator=stream(0, name)) for name in ("one", "other")
    }
    layers = audit(model, texts, batch=2)
    assert len(layers) == 2
    assert set(layers[0].by_source) == {"one", "other"}
    mean = (layers[1].by_source["one"].first + layers[1].by_source["other"].first) / 2
    torch.testing.assert_close(layers[1].overall.first, mean)
