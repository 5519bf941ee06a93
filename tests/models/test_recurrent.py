"""RNNsearch and RNNencdec: the paper's equations word by word in NumPy, and how rows stay apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from practicum.config import from_json, to_json
from practicum.decoding.beam import Beam
from practicum.decoding.translate import translate
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build, parameters_of
from practicum.models.families.bahdanau import SIZES, rnnencdec, rnnsearch
from practicum.models.recurrent import Recurrent, RecurrentModel
from practicum.nn.alignment import LocalMonotonic
from practicum.nn.gated_unit import CudnnGatedUnit
from practicum.nn.initial import Normal, Rule
from practicum.nn.reader import Reader
from practicum.nn.scores import General
from practicum.seeding import stream

WORDS, M, N, L = 11, 5, 6, 4
SHAPE = {"source_vocab": WORDS, "target_vocab": WORDS, "embedding": M, "width": N, "units": L}
LARGE = (Rule(names="*", start=Normal(std=0.6)),)  # so that every term matters
DESCRIPTIONS = {
    "RNNsearch": rnnsearch(**SHAPE, hidden=7),
    "RNNsearch without biases": rnnsearch(**SHAPE, bias=False),
    "RNNsearch reading out the current state": rnnsearch(**SHAPE, readout_state="current"),
    "RNNencdec": rnnencdec(**SHAPE),
    "RNNencdec reading out the current state": rnnencdec(**SHAPE, readout_state="current"),
    "general scores, near": replace(
        rnnsearch(**SHAPE), search=Reader(score=General(), align=LocalMonotonic(reach=3))
    ),
    "cuDNN's unit": replace(rnnsearch(**SHAPE), unit=CudnnGatedUnit(width=N)),
}


@pytest.fixture(params=DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def description(request: pytest.FixtureRequest) -> Recurrent:
    return replace(request.param, initial=LARGE)


@pytest.fixture
def model(description: Recurrent) -> RecurrentModel:
    return build(description, seed=1, dtype=torch.float64)


@pytest.fixture
def source() -> Tensor:
    return torch.randint(WORDS, (3, 6), generator=stream(0, "source"))


@pytest.fixture
def target() -> Tensor:
    return torch.randint(WORDS, (3, 5), generator=stream(0, "target"))


@pytest.fixture
def real() -> Tensor:
    return torch.arange(6) < torch.tensor([6, 2, 4])[:, None]


class Equations:
    """App. A for one sentence, with loops over its words."""

    def __init__(self, model: RecurrentModel) -> None:
        self.w = {name: p.detach().numpy() for name, p in model.named_parameters()}
        self.searches = model.search is not None
        self.current = model.description.readout_state == "current"

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.w[f"{name}.weight"] @ x + self.w.get(f"{name}.bias", 0.0)

    def unit(
        self, name: str, e: np.ndarray, s: np.ndarray, c: np.ndarray | None = None
    ) -> np.ndarray:
        given = self.linear(f"{name}.input", e)
        if c is not None:
            given = given + self.linear(f"{name}.context", c)
        for_r, for_z, for_new = given.reshape(3, N)
        r = 1 / (1 + np.exp(-for_r - self.linear(f"{name}.reset", s)))
        z = 1 / (1 + np.exp(-for_z - self.linear(f"{name}.update", s)))
        return (1 - z) * s + z * np.tanh(for_new + self.linear(f"{name}.candidate", r * s))

    def read(self, source: list[int]) -> np.ndarray:
        ahead, back, s = [], [], np.zeros(N)
        for word in source:
            s = self.unit("forwards", self.w["source_embedding.weight"][word], s)
            ahead.append(s)
        s = np.zeros(N)
        for word in reversed(source):
            s = self.unit("backwards", self.w["source_embedding.weight"][word], s)
            back.append(s)
        return np.concatenate([ahead, back[::-1]], axis=1)

    def scores(self, source: list[int], target: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Of each target word the scores of the next, and the weights."""
        h = self.read(source)
        s, scores, weights = np.tanh(self.linear("first", h[0, N:])), [], []
        for word in target:
            e = self.w["target_embedding.weight"][word]
            alpha = np.ones(len(h))
            if self.searches:
                a = [self.energy(s, one) for one in h]
                alpha = np.exp(a) / np.exp(a).sum()
            c = alpha @ h if self.searches else h[-1, :N]
            new = self.unit("decoder", e, s, c)
            x = np.concatenate([new if self.current else s, e, c])
            t = self.linear("readout.inner", x).reshape(L, 2).max(1)
            scores.append(self.linear("head", t))
            weights.append(alpha)
            s = new
        return np.array(scores), np.array(weights)

    def energy(self, s: np.ndarray, h: np.ndarray) -> float:
        w = {name: self.w[f"search.score.{name}.weight"] for name in ("query", "memory", "out")}
        return (w["out"] @ np.tanh(w["query"] @ s + w["memory"] @ h)).item()


@pytest.mark.parametrize("name", [name for name in DESCRIPTIONS if name.startswith("RNN")])
def test_the_network_is_the_equations_of_the_paper(name, source, target, real):
    model = build(replace(DESCRIPTIONS[name], initial=LARGE), seed=1, dtype=torch.float64)
    ours = model(source, target, real).detach().numpy()
    for row, length in enumerate(real.sum(1).tolist()):
        words = source[row, :length].tolist()
        scores, weights = Equations(model).scores(words, target[row].tolist())
        np.testing.assert_allclose(ours[row], scores, rtol=1e-10, atol=1e-12)
        if model.search is not None:
            found = model.alignments(source, target, real)[row].detach().numpy()
            np.testing.assert_allclose(found[:, :length], weights, rtol=1e-10)
            assert (found[:, length:] == 0).all()


def test_stepping_equals_reading_at_once(model, source, target, real):
    state = model.start(source, real, 5)
    steps = torch.stack([model.step(state, target[:, t]) for t in range(5)], dim=1)
    torch.testing.assert_close(steps, model(source, target, real))


def test_padding_and_the_other_rows_do_not_matter(model, source, target, real):
    together = model(source, target, real)
    for row, length in enumerate(real.sum(1).tolist()):
        alone = model(source[row : row + 1, :length], target[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)
    other = source.masked_fill(~real, 7)
    assert torch.equal(model(other, target, real), together)


def test_selecting_rows_takes_their_sources_along(model, source, target, real):
    for given in (real, None):
        state, rows = model.start(source, given, 5), [2, 0, 2, 1]
        model.step(state, target[:, 0])
        state.select(rows)
        expected = model(source, target, given)[rows, 1]
        torch.testing.assert_close(model.step(state, target[rows, 1]), expected)


def test_the_future_does_not_reach_the_past(model, source, target, real):
    changed = target.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % WORDS
    before, after = model(source, target, real), model(source, changed, real)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_answers_do_not_depend_on_their_batch(model):
    sources = [[3, 4, 5], [6], [7, 8, 9, 10, 3, 4], [5, 5]]
    together = translate(model, sources, begin=1, end=2, beam=Beam(width=3), extra=4)
    for source, found in zip(sources, together, strict=True):
        (alone,) = translate(model, [source], begin=1, end=2, beam=Beam(width=3), extra=4)
        assert [one.ids for one in alone] == [one.ids for one in found]


def test_one_vector_aligns_nothing_and_says_so(source, target):
    with pytest.raises(ModelError, match="sees its source as one vector"):
        build(DESCRIPTIONS["RNNencdec"]).alignments(source, target)


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes_are_counted_exactly(name):
    description, count = SIZES[name]
    assert parameters_of(description) == count


def test_biases_are_the_only_difference_that_their_flag_makes():
    shape = {"source_vocab": 30_000, "target_vocab": 30_000}
    more = parameters_of(rnnsearch(**shape)) - parameters_of(rnnsearch(**shape, bias=False))
    assert more == 3 * 3 * 1000 + 1000 + 2 * 500 + 30_000  # three units, s_0, readout, scores


def test_a_description_goes_to_json_and_back(description):
    assert from_json(Recurrent, to_json(description)) == description


def test_published_weights_attend_evenly_and_recur_without_loss(source, target):
    model = build(rnnsearch(**SHAPE, init="bahdanau"), seed=3)
    weights = model.alignments(source, target)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 6))
    for unit in (model.forwards, model.backwards, model.decoder):
        for part in (unit.reset, unit.update, unit.candidate):
            torch.testing.assert_close(part.weight @ part.weight.T, torch.eye(N))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name


def test_an_impossible_description_says_what_it_expected():
    with pytest.raises(ConfigError, match="vocabularies of 0 and 3.*must be at least 1"):
        rnnsearch(source_vocab=0, target_vocab=3)
