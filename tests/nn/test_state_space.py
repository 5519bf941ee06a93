"""State space layers: both ways of computing them, and changes of rate.

The laws of mixers are in test_mixer_laws.
"""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, ModelError
from practicum.nn.initial import Constant, Normal, Rule, initialise
from practicum.nn.state import BothWays, Packed, Whole
from practicum.nn.state_space import (
    SYSTEM,
    Diagonal,
    LowRank,
    StateSpace,
    StateSpaceLayer,
    rescale,
)
from practicum.nn.state_space_start import LogUniform, ModesOf
from practicum.seeding import stream

WIDTH, ROWS, TIME = 6, 3, 11
MIXERS = {
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
    Rule(names="*", start=Normal(std=0.5)),
)


def built(mixer: StateSpace, *, width: int = WIDTH) -> StateSpaceLayer:
    module = mixer.build(width).double()
    initialise(module, STARTS, seed=1)
    return module.eval()


def as_hippo(length: int) -> StateSpaceLayer:
    """A layer of S4 as it starts, in single precision."""
    layer = StateSpace(matrix=LowRank(length=length), state=32).build(16)
    rules = (
        Rule(names="log_step", start=LogUniform()),
        *(
            Rule(names=part, start=ModesOf(spectrum="legs", part=part))
            for part in ("log_decay", "frequency", "low_rank", "input")
        ),
        Rule(names="output", start=Normal(std=0.5**0.5)),
        Rule(names="skip", start=Normal(std=1.0)),
        Rule(names="*.bias", start=Constant(value=0.0)),
        Rule(names="*", start=Normal(std=0.2)),
    )
    initialise(layer, rules, seed=0)
    return layer.eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(ROWS, TIME, WIDTH, generator=stream(0, "x"), dtype=torch.float64)


@pytest.mark.parametrize("mixer", MIXERS.values(), ids=MIXERS.keys())
def test_a_state_holds_half_as_many_complex_numbers_as_modes(mixer):
    nbytes = built(mixer).new_state(ROWS, 16).nbytes
    assert nbytes == ROWS * WIDTH * mixer.state * 8


@pytest.mark.parametrize("chunks", [(75,), (40, 35), (3, 64, 8), (1,) * 75], ids=str)
@pytest.mark.parametrize("mixer", MIXERS.values(), ids=MIXERS.keys())
def test_however_a_text_is_cut_up_it_is_read_alike(mixer, chunks: tuple[int, ...]):
    layer = built(mixer)
    x = torch.randn(ROWS, 75, WIDTH, generator=stream(0, "long"), dtype=torch.float64)
    state = layer.new_state(ROWS, 75)
    read = torch.cat([layer(part, state) for part in x.split(chunks, dim=1)], dim=1)
    torch.testing.assert_close(read, layer(x))


@torch.no_grad()
def test_a_long_text_in_single_precision_leaves_the_state_that_its_steps_leave():
    layer = as_hippo(320)
    x = torch.randn(2, 320, 16, generator=stream(0, "long"))
    at_once, stepped = layer.new_state(2, 320), layer.new_state(2, 320)
    layer(x, at_once)
    for token in x.split(1, dim=1):
        layer(token, stepped)
    difference = (at_once.kept["modes"] - stepped.kept["modes"]).norm()
    assert difference < 1e-5 * stepped.kept["modes"].norm()


@pytest.mark.parametrize("matrix", [LowRank(length=TIME), Diagonal()], ids=["low rank", "diagonal"])
def test_a_bidirectional_layer_reads_both_ways_and_no_padding(matrix, x):
    layer = built(StateSpace(matrix=matrix, state=4, bidirectional=True))
    real = torch.arange(TIME) < torch.tensor([TIME, 7, 1])[:, None]
    whole = layer(x, BothWays(real))
    alone = layer(x[1:2, :7], BothWays())
    torch.testing.assert_close(whole[1:2, :7], alone)
    changed = x.clone()
    changed[:, 5:] += 1.0
    assert (layer(changed, BothWays())[:, :5] - layer(x, BothWays())[:, :5]).abs().max() > 1e-3


def test_a_layer_is_asked_only_for_the_way_it_reads(x):
    forwards = built(StateSpace(matrix=Diagonal(), state=4))
    both = built(StateSpace(matrix=Diagonal(), state=4, bidirectional=True))
    with pytest.raises(ModelError, match="bidirectional=False and is asked to read both ways"):
        forwards(x, BothWays())
    for reading in (None, Whole(), Packed(torch.zeros(ROWS, TIME, dtype=torch.long))):
        with pytest.raises(ModelError, match="bidirectional=True and is asked to read forwards"):
            both(x, reading)
    with pytest.raises(ModelError, match="token by token"):
        both.new_state(1, 1)


def test_the_kernel_of_s4d_is_that_of_its_minimal_module():
    """The published minimal module, whose log_A_real, A_imag, log_dt and C these are."""
    layer = built(MIXERS["diagonal"])
    with torch.no_grad():
        step, a = layer.log_step.exp(), -layer.log_decay.exp() + 1j * layer.frequency
        c = torch.view_as_complex(layer.output)[0]
        moved = a * step[:, None]
        powers = (moved[..., None] * torch.arange(50)).exp()
        wanted = 2 * torch.einsum("hn,hnl->hl", c * (moved.exp() - 1.0) / a, powers).real
        assert (layer.kernels(50)[0] - wanted).abs().max() <= 1e-5


def test_what_follows_the_system_is_written_out(x):
    layer = built(MIXERS["diagonal"])
    kernel = layer.kernels(TIME)[0]
    y = torch.stack(
        [(kernel[:, : t + 1].flip(1) * x[:, : t + 1].mT).sum(-1) for t in range(TIME)], dim=1
    )
    z = F.linear(F.gelu(y + layer.skip * x), layer.mix.weight, layer.mix.bias)
    torch.testing.assert_close(layer(x), z[..., :WIDTH] * torch.sigmoid(z[..., WIDTH:]))


def test_modes_are_one_in_single_precision():
    """Convolution and recurrence, for HiPPO as it starts, within 1e-4 of the largest output."""
    layer = as_hippo(512)
    x = torch.randn(2, 512, 16, generator=stream(0, "x"))
    with torch.inference_mode():
        whole, steps = layer(x), layer(x, layer.new_state(2, 512))
    assert (whole - steps).abs().max() <= 1e-4 * whole.abs().max()


@pytest.mark.parametrize("name", ["low rank", "diagonal"])
def test_half_the_rate_needs_twice_the_interval(name):
    """A smooth signal, and every second value of it: the outputs there are nearly the same."""
    mixer = MIXERS[name]
    layer = built(mixer)
    with torch.no_grad():
        layer.log_step -= 4.0  # many samples in the time of a mode
        layer.frequency /= 3
    time = torch.linspace(0, 6, 400, dtype=torch.float64)
    x = torch.stack([torch.sin(time * (channel + 1) / 3) for channel in range(WIDTH)], dim=-1)[None]
    fine = layer(x)[:, 1::2]
    blind = (layer(x[:, 1::2]) - fine).abs().max()
    rescale(nn.Sequential(layer), 2.0)
    assert (layer(x[:, 1::2]) - fine).abs().max() < 0.05 * blind
    with pytest.raises(ModelError, match="-1"):
        layer.rescale(-1.0)


def test_half_precision_reads_and_steps(x):
    for mixer in MIXERS.values():
        layer = built(mixer).bfloat16()
        state = layer.new_state(ROWS, 32)
        for found in (layer(x.bfloat16()), layer(x.bfloat16(), state)):
            assert found.dtype == torch.bfloat16
            torch.testing.assert_close(found.double(), built(mixer)(x), rtol=0.1, atol=0.1)
        assert state.kept["modes"].dtype == torch.float32


def test_every_parameter_is_real_and_the_system_is_named():
    for mixer in MIXERS.values():
        names = dict(mixer.build(WIDTH).named_parameters())
        assert not any(parameter.is_complex() for parameter in names.values())
        assert set(SYSTEM) & set(names) == set(names) - {
            "output",
            "skip",
            "mix.weight",
            "mix.bias",
        }


def test_dropout_drops_while_training_alone(x):
    layer = built(StateSpace(matrix=Diagonal(), state=4, dropout=0.5))
    torch.testing.assert_close(layer(x), layer(x))
    assert (layer.train()(x) != layer.eval()(x)).any()


def test_descriptions_go_to_json_and_back_and_check_themselves():
    for mixer, both in product(MIXERS.values(), (False, True)):
        whole = StateSpace(**(vars(mixer) | {"bidirectional": both}))
        assert from_json(StateSpace, to_json(whole)) == whole
    with pytest.raises(ConfigError, match="come in pairs"):
        StateSpace(matrix=Diagonal(), state=7)
    with pytest.raises(ConfigError, match="at least 1"):
        LowRank(length=0)
    with pytest.raises(ConfigError, match="dropout"):
        StateSpace(matrix=Diagonal(), dropout=1.0)
