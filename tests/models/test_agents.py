"""Networks of agents: counts, heads against torch's distributions, and the fast way of reading."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal as TorchNormal

from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.models.action_heads import Categorical, Gaussian
from practicum.models.agents import ActionValues, Policy
from practicum.models.build import build, parameters_of
from practicum.models.families.nature_dqn import SIZES
from practicum.models.trunks import Convolutions, Dense

IMAGES = Convolutions(layers=((4, 3, 2), (5, 2, 1)), hidden=6)
NETWORKS = {
    "policy": Policy(shape=(4,), head=Categorical(choices=3), trunk=Dense(hidden=(8, 8))),
    "without a baseline": Policy(shape=(4,), head=Categorical(choices=3), baseline=False),
    "shared": Policy(shape=(2, 3), head=Categorical(choices=3), shared=True),
    "gaussian": Policy(shape=(4,), head=Gaussian(size=2, log_std=-0.5)),
    "relu": Policy(shape=(4,), head=Gaussian(size=2), trunk=Dense(activation="relu")),
    "values": ActionValues(shape=(4,), choices=3),
    "dueling": ActionValues(shape=(4,), choices=3, dueling=True),
    "images": ActionValues(shape=(3, 9, 9), choices=3, trunk=IMAGES),
    "policy of images": Policy(shape=(9, 9, 3), head=Categorical(choices=3), trunk=IMAGES),
}


@pytest.mark.parametrize(("description", "count"), SIZES.values(), ids=SIZES)
def test_the_network_of_2015_has_the_published_count(description: ActionValues, count: int):
    assert parameters_of(description) == count


@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_a_description_survives_json(description: Policy | ActionValues):
    assert from_json(Policy | ActionValues, to_json(description)) == description


@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_reading_fast_equals_the_network(description: Policy | ActionValues):
    model = build(description, seed=1)
    draw = np.random.default_rng(0)
    read = model.reader()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.01)  # a reader sees training that changes weights in place
    for x in (
        draw.normal(size=(5, *description.shape)).astype(np.float32),
        draw.integers(0, 256, (5, *description.shape)).astype(np.uint8),
    ):
        with torch.no_grad():
            expected = model.scores(torch.from_numpy(x))
        np.testing.assert_allclose(read(x), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_at_the_start_every_action_is_nearly_as_likely():
    model = build(NETWORKS["policy"], seed=3)
    scores = model.scores(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)))
    assert scores.softmax(1).sub(1 / 3).abs().max() < 0.02


def test_dueling_values_have_the_mean_of_the_state_value():
    model = build(NETWORKS["dueling"], seed=3)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(x).mean(1), model.head(model.trunk(x))[:, 0])


def test_the_last_axis_holds_the_channels_where_it_is_the_shortest():
    first = build(replace(NETWORKS["images"], shape=(3, 9, 9)), seed=3)
    last = build(replace(NETWORKS["images"], shape=(9, 9, 3)), seed=3)
    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(first(x), last(x.movedim(1, 3)))


@pytest.mark.parametrize(
    ("shape", "said"), [((4,), "three axes"), ((3, 4, 4), "too small for convolutions")]
)
def test_what_convolutions_cannot_read_is_refused(shape: tuple[int, ...], said: str):
    with pytest.raises(ConfigError, match=said):
        ActionValues(shape=shape, choices=2, trunk=IMAGES)


def test_values_need_a_baseline():
    with pytest.raises(ConfigError, match="no baseline"):
        build(NETWORKS["without a baseline"]).values(torch.zeros(1, 4))


def test_choices_are_scored_as_by_torch():
    scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    actions, theirs = torch.tensor([0, 1, 2, 0, 1, 2]), TorchCategorical(logits=scores)
    head = Categorical(choices=3)
    torch.testing.assert_close(head.log_prob(scores, actions), theirs.log_prob(actions))
    torch.testing.assert_close(head.entropy(scores), theirs.entropy())


def test_reals_are_scored_as_by_torch():
    generator = torch.Generator().manual_seed(0)
    scores, actions = (torch.randn(6, n, generator=generator) for n in (4, 2))
    theirs = TorchNormal(scores[:, :2], scores[:, 2:].exp())
    head = Gaussian(size=2)
    torch.testing.assert_close(head.log_prob(scores, actions), theirs.log_prob(actions).sum(1))
    torch.testing.assert_close(head.entropy(scores), theirs.entropy().sum(1))


def test_choices_are_drawn_with_their_probabilities():
    head, draws = Categorical(choices=3), 40_000
    scores = np.log(np.tile(np.array([0.2, 0.5, 0.3], np.float32), (draws, 1))) + 7
    drawn = head.sample(scores, head.noise(np.random.default_rng(0), (draws,)))
    np.testing.assert_allclose(np.bincount(drawn) / draws, [0.2, 0.5, 0.3], atol=0.01)


def test_reals_are_drawn_with_their_mean_and_deviation():
    head, draws = Gaussian(size=2), 40_000
    scores = np.tile(np.array([1, -2, np.log(0.5), np.log(3)], np.float32), (draws, 1))
    drawn = head.sample(scores, head.noise(np.random.default_rng(0), (draws,)))
    np.testing.assert_allclose(drawn.mean(0), [1, -2], atol=0.05)
    np.testing.assert_allclose(drawn.std(0), [0.5, 3], rtol=0.02)
    np.testing.assert_array_equal(head.mode(scores[:1]), [[1, -2]])
