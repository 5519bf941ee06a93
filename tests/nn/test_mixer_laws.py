"""The laws every mixer obeys, on random weights in float64. A new mixer joins by one line."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from practicum.errors import ModelError
from practicum.nn.attention import Attention
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.reader import Reader
from practicum.nn.relative import Buckets, Sinusoids, Slopes
from practicum.nn.rope_scaling import Yarn
from practicum.nn.scores import Additive, Content, General
from practicum.nn.selective import Selective
from practicum.nn.self_reader import SelfReader
from practicum.nn.state import Packed
from practicum.nn.state_space import Diagonal, LowRank, StateSpace
from practicum.nn.state_space_start import LogUniform
from practicum.seeding import stream

WIDTH, ROWS, TIME = 24, 3, 11
CAUSAL_MIXERS = {
    "multi-head": Attention(heads=4, bias=True),
    "grouped": Attention(heads=4, kv_heads=2),
    "multi-query": Attention(heads=4, kv_heads=1, out_bias=True),
    "rotary": Attention(heads=4, positions=Rope()),
    "rotary grouped odd width": Attention(heads=3, kv_heads=1, head_width=10, positions=Rope()),
    "windowed": Attention(heads=4, window=4),
    "windowed rotary grouped": Attention(heads=4, kv_heads=2, window=3, positions=Rope(base=100.0)),
    "unscaled": Attention(heads=4, scale=1.0),
    "windowed with the first in sight": Attention(heads=4, window=3, first=2, positions=Rope()),
    "capped": Attention(heads=4, kv_heads=2, cap=0.7),
    "capped, windowed": Attention(heads=4, cap=0.7, window=4),
    "clipped": Attention(heads=4, clip=0.5),
    "queries and keys normalised": Attention(
        heads=4, kv_heads=2, qk_norm=RMSNorm(plus_one=True), positions=Rope()
    ),
    "slopes": Attention(heads=3, kv_heads=1, relative=Slopes()),
    "slopes, windowed": Attention(heads=4, relative=Slopes(), window=4),
    "buckets": Attention(heads=4, kv_heads=2, relative=Buckets(count=8, far=20)),
    "sinusoids of distances": Attention(heads=4, relative=Sinusoids(), window=5),
    "half of each head turned": Attention(heads=3, positions=Rope(share=0.5)),
    "turned for longer texts": Attention(
        heads=4, head_width=8, positions=Rope(scaling=Yarn(factor=4.0, context=16))
    ),
    "reads itself, additive": SelfReader(reader=Reader(score=Additive(hidden=7))),
    "reads itself, cosine, windowed": SelfReader(
        reader=Reader(score=Content(strength=4.0)), window=4
    ),
    "reads itself, general": SelfReader(reader=Reader(score=General())),
    "values of another width": Attention(heads=4, kv_heads=2, head_width=4, value_width=5),
}
RECURRENT_MIXERS = {
    "selective": Selective(),
    "selective, odd sizes": Selective(state=3, convolution=2, expand=1.5, rank=5),
    "selective, no past inputs": Selective(state=1, convolution=1, expand=1),
    "selective, constant": Selective(state=5, selective=False),
    "selective, no gate": Selective(state=4, gated=False),
    "selective, constant, no gate": Selective(state=4, expand=0.5, selective=False, gated=False),
    "low rank": StateSpace(matrix=LowRank(length=TIME), state=8),
    "low rank, kernels longer than rows": StateSpace(matrix=LowRank(length=40), state=2),
    "low rank, rows longer than kernels": StateSpace(matrix=LowRank(length=3), state=4),
    "diagonal": StateSpace(matrix=Diagonal(), state=8),
    "diagonal, bilinear": StateSpace(matrix=Diagonal(discretisation="bilinear"), state=4),
}
STARTS = (
    Rule(names="log_step", start=LogUniform(low=1e-2, high=1.0)),
    Rule(names="log_decay", start=Normal(std=0.5)),
    Rule(names="frequency", start=Normal(std=3.0)),
    Rule(names="*", start=Normal(std=0.3)),
)


@pytest.fixture(
    params=(CAUSAL_MIXERS | RECURRENT_MIXERS).values(),
    ids=(CAUSAL_MIXERS | RECURRENT_MIXERS).keys(),
)
def layer(request: pytest.FixtureRequest) -> nn.Module:
    return built(request.param)


@pytest.fixture(params=CAUSAL_MIXERS.values(), ids=CAUSAL_MIXERS.keys())
def caching(request: pytest.FixtureRequest) -> nn.Module:
    """One whose past can be cut short."""
    return built(request.param)


@pytest.fixture(params=RECURRENT_MIXERS.values(), ids=RECURRENT_MIXERS.keys())
def recurrent(request: pytest.FixtureRequest) -> nn.Module:
    return built(request.param)


def built(mixer: Attention | SelfReader | Selective | StateSpace) -> nn.Module:
    module = mixer.build(WIDTH).double()
    initialise(module, STARTS, seed=1)
    return module.eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(ROWS, TIME, WIDTH, generator=stream(0, "x"), dtype=torch.float64)


def in_steps(layer: nn.Module, x: Tensor, sizes: list[int]) -> Tensor:
    state = layer.new_state(x.shape[0], 32)
    return torch.cat([layer(part, state) for part in x.split(sizes, dim=1)], dim=1)


def test_the_future_does_not_reach_the_past(layer, x):
    changed = x.clone()
    changed[:, 5:] += 1.0
    torch.testing.assert_close(layer(x)[:, :5], layer(changed)[:, :5])


def test_stepping_equals_reading_at_once(layer, x):
    torch.testing.assert_close(in_steps(layer, x, [1] * TIME), layer(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sizes", [[11], [4, 7], [1, 5, 1, 4], [9, 1, 1]])
def test_chunk_sizes_do_not_matter(layer, x, sizes):
    torch.testing.assert_close(in_steps(layer, x, sizes), layer(x), rtol=1e-9, atol=1e-9)


def test_rows_do_not_matter_to_each_other(layer, x):
    torch.testing.assert_close(layer(x)[1:2], layer(x[1:2]))


@pytest.mark.parametrize("lengths", [[3, 7, 5], [1, 0, 1]])
def test_padding_does_not_matter(layer, x, lengths):
    longest = max(lengths)
    state, padded = layer.new_state(ROWS, 32), x[:, :longest].clone()
    for row, length in enumerate(lengths):
        padded[row, length:] = 9.0
    state.expect(lengths)
    read, whole = layer(padded, state), layer(x)
    assert state.lengths == lengths
    for row, length in enumerate(lengths):
        torch.testing.assert_close(read[row, :length], whole[row, :length])
    following = torch.stack([x[row, n : n + 3] for row, n in enumerate(lengths)])
    expected = torch.stack([whole[row, n : n + 3] for row, n in enumerate(lengths)])
    torch.testing.assert_close(layer(following, state), expected)
    assert state.lengths == [n + 3 for n in lengths]


def test_selecting_rows_commutes_with_stepping(layer, x):
    state = layer.new_state(ROWS, 32)
    layer(x[:, :6], state)
    state.select([2, 0, 2])
    torch.testing.assert_close(layer(x[[2, 0, 2], 6:], state), layer(x)[[2, 0, 2], 6:])


def test_truncating_forgets_exactly_what_was_read_since(caching, x):
    state = caching.new_state(ROWS, 32)
    caching(x[:, :6], state)
    caching(x[:, 6:].flip(1), state)
    state.truncate([6] * ROWS)
    torch.testing.assert_close(caching(x[:, 6:], state), caching(x)[:, 6:])


def test_a_snapshot_brings_the_past_back(layer, x):
    state = layer.new_state(ROWS, 32)
    layer(x[:, :6], state)
    before = state.snapshot()
    layer(x[:, 6:7].neg(), state)
    layer(x[:, 6:].flip(1), state)
    state.restore(before)
    torch.testing.assert_close(layer(x[:, 6:], state), layer(x)[:, 6:])


def test_what_a_recurrence_has_read_cannot_be_cut_short(recurrent, x):
    state = recurrent.new_state(ROWS, 32)
    recurrent(x, state)
    with pytest.raises(ModelError, match="cannot go back"):
        state.truncate([6] * ROWS)


def test_packed_documents_do_not_see_each_other(layer, x):
    segments = torch.tensor([[0] * 4 + [1] * 7, [0] * 11, [0] * 1 + [1] * 1 + [2] * 9])
    packed = layer(x, Packed(segments))
    for row in range(ROWS):
        for number in segments[row].unique():
            inside = segments[row] == number
            alone = layer(x[row : row + 1, inside])
            torch.testing.assert_close(packed[row : row + 1, inside], alone)


def test_gradients_are_those_of_the_function(layer, x):
    small = x[:1, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(layer, (small,))
    layer(small).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_size_of_a_state_is_known_without_allocating_it(layer):
    real = layer.new_state(2, 16).nbytes
    assert layer.to("meta").new_state(2, 16).nbytes == real > 0


def test_the_state_of_a_recurrence_has_one_size_for_texts_of_any_length(recurrent, x):
    state = recurrent.new_state(ROWS, 4)
    size = state.nbytes
    for _ in range(3):
        recurrent(x, state)
    assert state.nbytes == size == recurrent.to("meta").new_state(ROWS, 10**9).nbytes
    assert state.lengths == [3 * TIME] * ROWS


def test_a_window_as_long_as_the_text_changes_nothing(x):
    plain = Attention(heads=4)
    layers = [plain.build(WIDTH).double(), replace(plain, window=TIME).build(WIDTH).double()]
    for module in layers:
        initialise(module, (Rule(names="*", start=Normal(std=0.3)),), seed=1)
    torch.testing.assert_close(layers[0](x), layers[1](x))
