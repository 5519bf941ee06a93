"""The attention family: laws that hold for every score and alignment, and each one's equation."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.errors import ConfigError, ModelError
from practicum.kernels.alignment import real_places
from practicum.nn.alignment import (
    Alignment,
    Gumbel,
    Hard,
    LocalMonotonic,
    LocalPredictive,
    LocalPredictiveLayer,
    Soft,
    StraightThrough,
)
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.reader import Reader, ReaderLayer
from practicum.nn.scores import Additive, Content, Dot, Even, General, Location, ScaledDot, Score
from practicum.seeding import stream

ROWS, TIME, SLOTS, WIDTH = 3, 4, 6, 5
CENTRED = Check(by="centred")
SCORES: dict[str, Score] = {
    "content": Content(strength=3.0),
    "additive": Additive(hidden=7),
    "location": Location(),
    "general": General(),
    "dot": Dot(),
    "scaled dot": ScaledDot(),
    "even": Even(),
}
ALIGNMENTS: dict[str, Alignment] = {
    "soft": Soft(),
    "local monotonic": LocalMonotonic(reach=2),
    "local predictive": LocalPredictive(hidden=4, reach=2),
    "hard": Hard(),
    "straight-through": StraightThrough(),
    "gumbel": Gumbel(temperature=0.5),
}
READERS = {
    f"{name} of dot products": Reader(score=Dot(), align=a) for name, a in ALIGNMENTS.items()
}
READERS |= {f"soft of {name}": Reader(score=score) for name, score in SCORES.items()}
# Gumbel noise is drawn for padding as well, and for one query at a time it is another noise
STILL = {name: reader for name, reader in READERS.items() if reader.align != ALIGNMENTS["gumbel"]}
MOVABLE = [name for name in SCORES if name != "location"]  # which looks at places alone


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def built(description: Reader, query: int = WIDTH, memory: int = WIDTH) -> ReaderLayer:
    layer = description.build(query, memory, SLOTS).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=1)
    return layer


@pytest.fixture(params=READERS.values(), ids=READERS.keys())
def layer(request: pytest.FixtureRequest) -> ReaderLayer:
    return built(request.param)


@pytest.fixture
def queries() -> Tensor:
    return draw("queries", ROWS, TIME, WIDTH)


@pytest.fixture
def memory() -> Tensor:
    return draw("memory", ROWS, SLOTS, WIDTH)


def generator() -> torch.Generator:
    return stream(0, "choices")


def sums_to_one(layer: ReaderLayer) -> bool:
    return not isinstance(layer.align, LocalPredictiveLayer)  # whose Gaussian takes some away


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_a_description_goes_to_json_and_back(reader):
    assert from_json(Reader, to_json(reader)) == reader


def test_weights_are_shares(layer, queries, memory):
    weights = layer(queries, memory, generator=generator()).aligned.weights
    assert (weights >= 0).all()
    total = weights.sum(-1)
    if sums_to_one(layer):
        torch.testing.assert_close(total, torch.ones_like(total))
    assert (total > 0).all()
    assert (total <= 1 + 1e-12).all()


def test_masked_places_get_exactly_nothing_and_change_nothing(layer, queries, memory):
    mask = real_places(torch.tensor([6, 3, 4]), SLOTS)
    other = torch.where(mask.mT, memory, 9.0)
    read = layer(queries, memory, mask=mask, generator=generator())
    again = layer(queries, other, mask=mask, generator=generator())
    hidden = ~mask.expand_as(read.aligned.weights)
    assert (read.aligned.weights.masked_select(hidden) == 0).all()
    torch.testing.assert_close(again.vectors, read.vectors)


@pytest.mark.parametrize("reader", STILL.values(), ids=STILL.keys())
def test_padding_does_not_matter(reader, queries, memory):
    layer = built(reader)
    mask = real_places(torch.tensor([3] * ROWS), SLOTS)
    padded, short = layer(queries, memory, mask=mask), layer(queries, memory[:, :3])
    torch.testing.assert_close(padded.vectors, short.vectors)


def test_rows_do_not_matter_to_each_other(layer, queries, memory):
    one = layer(queries[:1], memory[:1], generator=generator())
    all_of_them = layer(queries, memory, generator=generator())
    torch.testing.assert_close(all_of_them.vectors[:1], one.vectors)


@pytest.mark.parametrize("reader", STILL.values(), ids=STILL.keys())
def test_stepping_equals_reading_at_once(reader, queries, memory):
    layer = built(reader)
    remembered = layer.remember(memory)
    steps = [layer.step(queries[:, t : t + 1], remembered, first=t) for t in range(TIME)]
    together = torch.cat([step.vectors for step in steps], dim=1)
    torch.testing.assert_close(together, layer(queries, memory).vectors)


@pytest.mark.parametrize("name", MOVABLE)
def test_the_order_of_the_memory_does_not_matter(name, queries, memory):
    layer, order = built(Reader(score=SCORES[name])), [4, 1, 5, 0, 3, 2]
    read, moved = layer(queries, memory), layer(queries, memory[:, order])
    torch.testing.assert_close(moved.vectors, read.vectors)
    torch.testing.assert_close(moved.aligned.weights, read.aligned.weights[..., order])


def test_location_reads_places_whatever_lies_there(queries, memory):
    layer = built(Reader(score=Location()))
    read, other = layer(queries, memory), layer(queries, memory.flip(1))
    assert torch.equal(read.aligned.weights, other.aligned.weights)


def test_values_may_be_others_than_what_is_compared(layer, queries, memory):
    values = draw("values", ROWS, SLOTS, 2)
    read = layer(queries, memory, values=values, generator=generator())
    torch.testing.assert_close(read.vectors, read.aligned.weights @ values)


def equation(name: str, layer: nn.Module, s: Tensor, h: Tensor, place: int) -> Tensor:
    """The score as the paper writes it, of one query for one memory vector."""
    weights = dict(layer.named_parameters())
    match name:
        case "content":
            return 3.0 * (s @ h) / (s.norm() * h.norm())
        case "additive":  # v_aᵀ tanh(W_a [s; h]), with W_a whole
            whole = torch.cat([weights["query.weight"], weights["memory.weight"]], dim=1)
            return weights["out.weight"][0] @ torch.tanh(whole @ torch.cat([s, h]))
        case "location":
            return (weights["places.weight"] @ s)[place]
        case "general":
            return s @ weights["memory.weight"] @ h
        case "dot":
            return s @ h
        case "even":
            return torch.zeros((), dtype=s.dtype)
        case _:
            return s @ h / math.sqrt(len(h))


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_its_equation(name, queries, memory):
    layer = built(Reader(score=SCORES[name])).score
    scores = layer(queries, memory)
    for b in range(ROWS):
        for t in range(TIME):
            for i in range(SLOTS):
                expected = equation(name, layer, queries[b, t], memory[b, i], i)
                torch.testing.assert_close(scores[b, t, i], expected)


@pytest.mark.parametrize("name", ["additive", "location", "general"])
def test_queries_may_be_wider_than_the_memory(name, memory):
    layer, wide = built(Reader(score=SCORES[name]), query=8), draw("wide", ROWS, TIME, 8)
    assert layer(wide, memory).vectors.shape == (ROWS, TIME, WIDTH)


def test_the_scaled_dot_product_is_that_of_torch():
    layer = Reader(score=ScaledDot()).build(16, 16)
    q, k, v = (draw(name, 2, 5, 16).float() for name in "qkv")
    mask = torch.ones(5, 5, dtype=torch.bool).tril()[None]
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    ours = layer(q, k, values=v, mask=mask).vectors
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_the_memory_is_brought_to_the_alignment_space_once():
    layer, memory = built(Reader(score=Additive(hidden=7))), draw("memory", 2, SLOTS, WIDTH)
    remembered, calls = layer.remember(memory), []
    layer.score.get_submodule("memory").register_forward_hook(lambda *_: calls.append(1))
    for t in range(3):
        layer.step(draw(f"state {t}", 2, 1, WIDTH), remembered, first=t)
    assert calls == []


def test_the_monotonic_window_moves_with_the_steps_and_ends_with_the_memory(memory):
    layer = built(Reader(score=Dot(), align=LocalMonotonic(reach=1)))
    queries = draw("long", ROWS, 9, WIDTH)
    read = layer.step(queries, layer.remember(memory), first=1)
    for t in range(9):
        inside = [i for i in range(SLOTS) if abs(i - (t + 1)) <= 1]
        weights = read.aligned.weights[0, t]
        assert weights.nonzero().flatten().tolist() == inside
        scores = torch.stack([queries[0, t] @ memory[0, i] for i in inside]) if inside else None
        if scores is not None:
            torch.testing.assert_close(weights[inside], scores.softmax(-1))
    assert read.vectors[0, -1].count_nonzero() == 0  # the window has left the memory


def test_the_predicted_window_is_its_equation(queries, memory):
    layer = built(Reader(score=Dot(), align=LocalPredictive(hidden=4, reach=2)))
    lengths = [6, 3, 5]
    mask = real_places(torch.tensor(lengths), SLOTS)
    weights = layer(queries, memory, mask=mask).aligned.weights
    inner, out = (layer.align.get_parameter(f"{name}.weight") for name in ("inner", "out"))
    for b, length in enumerate(lengths):
        for t in range(TIME):
            s = queries[b, t]
            p = length * torch.sigmoid(out[0] @ torch.tanh(inner @ s)).item()
            inside = [i for i in range(length) if abs(i - p) <= 2]
            total = sum(math.exp((s @ memory[b, i]).item()) for i in inside)
            for i in range(SLOTS):
                share = math.exp((s @ memory[b, i]).item()) / total if i in inside else 0.0
                expected = share * math.exp(-((i - p) ** 2) / (2 * (2 / 2) ** 2))
                assert weights[b, t, i].item() == pytest.approx(expected, abs=1e-12)


def test_a_gradient_reaches_where_a_query_wants_to_read(queries, memory):
    layer = built(Reader(score=Dot(), align=LocalPredictive(hidden=4, reach=2)))
    layer(queries, memory).vectors.square().sum().backward()
    for parameter in layer.align.parameters():
        assert parameter.grad is not None
        assert parameter.grad.count_nonzero() > 0


@pytest.mark.parametrize("name", ["hard", "straight-through"])
def test_one_place_is_read_and_its_chance_is_known(name, queries, memory):
    layer = built(Reader(score=Dot(), align=ALIGNMENTS[name]))
    aligned = layer(queries, memory, generator=generator()).aligned
    assert ((aligned.weights == 0) | (aligned.weights == 1)).all()
    places = aligned.weights.argmax(-1, keepdim=True)
    torch.testing.assert_close(
        aligned.log_chosen(), aligned.policy.gather(-1, places).squeeze(-1).log()
    )
    likeliest = layer(queries, memory).aligned
    assert torch.equal(likeliest.weights.argmax(-1), likeliest.policy.argmax(-1))


def test_the_score_function_estimates_the_gradient_of_the_expectation():
    layer = built(Reader(score=Dot(), align=Hard()))
    memory, rewards = draw("memory", 1, SLOTS, WIDTH), draw("rewards", SLOTS)
    query = draw("query", 1, 1, WIDTH).requires_grad_()
    chosen = layer(query.expand(1, 40_000, WIDTH), memory, generator=generator()).aligned
    reward = chosen.weights @ rewards
    advantage = reward - reward.mean()  # less variance, the same mean
    (estimate,) = torch.autograd.grad((advantage * chosen.log_chosen()).mean(), query)
    expected = ((query @ memory.mT).softmax(-1) @ rewards).sum()
    (exact,) = torch.autograd.grad(expected, query)
    torch.testing.assert_close(estimate, exact, atol=0.03, rtol=0)


def test_a_hard_choice_has_no_slope_and_straight_through_has_the_soft_one(queries, memory):
    gradients = {}
    for name in ("soft", "hard", "straight-through"):
        query = queries.clone().requires_grad_()
        layer = built(Reader(score=Dot(), align=ALIGNMENTS[name]))
        weights = layer(query, memory, generator=generator()).aligned.weights
        loss = (weights * draw("slopes", SLOTS)).sum()
        if name == "hard":
            assert not loss.requires_grad
        else:
            (gradients[name],) = torch.autograd.grad(loss, query)
    torch.testing.assert_close(gradients["straight-through"], gradients["soft"])


def test_cold_gumbel_weights_are_nearly_a_choice_with_the_right_chances(memory):
    layer = built(Reader(score=Dot(), align=Gumbel(temperature=0.01)))
    query = draw("query", 1, 1, WIDTH).expand(1, 20_000, WIDTH)
    aligned = layer(query, memory[:1], generator=generator()).aligned
    assert aligned.weights.max(-1).values.mean() > 0.98
    torch.testing.assert_close(aligned.weights.mean(dim=1), aligned.policy[:, 0], atol=0.02, rtol=0)


def test_gumbel_without_a_generator_says_so(queries, memory):
    with pytest.raises(ModelError, match="give generator="):
        built(Reader(score=Dot(), align=Gumbel()))(queries, memory)


class Vectors(nn.Module):
    """A reader that gives its vectors alone, each time with the same draws."""

    def __init__(self, layer: ReaderLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        return self.layer(queries, memory, mask=mask, generator=generator()).vectors


@pytest.mark.parametrize(
    "reader",
    [r for name, r in READERS.items() if "hard" not in name and "straight" not in name],
    ids=[name for name in READERS if "hard" not in name and "straight" not in name],
)
def test_gradients_are_those_of_the_function(reader):
    mask = real_places(torch.tensor([4, 3]), 4)
    inputs = (draw("queries", 2, 2, WIDTH), draw("memory", 2, 4, WIDTH), mask)
    assert_gradients(Vectors(built(reader)), inputs, CENTRED)


@pytest.mark.parametrize("score", [Content(), Dot(), ScaledDot()], ids=lambda s: type(s).__name__)
def test_vectors_of_two_widths_have_no_dot_product(score):
    with pytest.raises(ConfigError, match="queries have 4 and the memory 5; use General"):
        score.build(4, 5)


def test_location_has_to_know_how_many_places_there_are():
    with pytest.raises(ConfigError, match="slots is None; give the size"):
        Location().build(4, 5)
    layer = built(Reader(score=Location()))
    with pytest.raises(ModelError, match="7 vectors for a Location with 6 slots"):
        layer(draw("q", 1, 1, WIDTH), draw("long memory", 1, 7, WIDTH))


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (lambda: Content(strength=0.0), "Content.strength is 0.0"),
        (lambda: Additive(hidden=0), "Additive.hidden is 0"),
        (lambda: LocalMonotonic(reach=0), "LocalMonotonic.reach is 0"),
        (lambda: LocalPredictive(hidden=0), "LocalPredictive.hidden is 0"),
        (lambda: Gumbel(temperature=0.0), "Gumbel.temperature is 0.0"),
    ],
)
def test_an_impossible_description_says_what_it_expected(description, message):
    with pytest.raises(ConfigError, match=message):
        description()
