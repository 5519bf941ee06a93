"""In Triton attention over blocks is attention over the gathered text, and reads nothing else."""

import inspect
import os

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from practicum.kernels import paged_attention_triton as kernels
from practicum.kernels.paged_attention import paged_attention, paged_attention_reference
from practicum.kernels.paged_attention_triton import paged_attention_triton, plan, usable
from practicum.kernels.triton_language import kernel
from practicum.seeding import stream

pytestmark = pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")  # Triton 3.9 tells all

NEAR = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}  # of numbers around 1
HEADS = {"one each": (4, 4), "shared by two": (4, 2), "shared by all": (3, 1)}
LENGTHS = (5, 16, 70, 1, 133)


@pytest.fixture(scope="module")
def device(triton_device: torch.device):
    """Where kernels run here, with products of bfloat16 also where they are interpreted.

    The interpreter keeps such numbers as bits, which it would multiply as if they were whole.
    """
    if triton_device.type == "cuda":
        yield triton_device
        return
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle, tl

    multiply = InterpreterBuilder.create_dot

    def wide(handle):
        if handle.dtype.scalar != tl.bfloat16:
            return handle
        bits = torch.from_numpy(handle.data.astype("int32"))
        return TensorHandle((bits << 16).view(torch.float32).numpy(), tl.float32)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            InterpreterBuilder,
            "create_dot",
            lambda self, a, b, *rest: multiply(self, wide(a), wide(b), *rest),
        )
        yield triton_device


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans and tiles so small that short rows have many of both."""
    monkeypatch.setattr(kernels, "SHORT", 32)
    monkeypatch.setattr(kernels, "TILE_TOKENS", 16)


class Case:
    """Random queries, pools, tables in no order and lengths; what nobody reads holds no numbers."""

    def __init__(
        self,
        device: torch.device,
        lengths: tuple[int, ...] = LENGTHS,
        *,
        heads: tuple[int, int] = (4, 2),
        widths: tuple[int, int] = (24, 20),
        size: int = 16,
        t: int = 1,
        window: int | None = None,
        dtype: torch.dtype = torch.float32,
        spare: int = 0,
    ):
        self.lengths, self.window, self.t = lengths, window, t
        self.about = {"scale": widths[0] ** -0.5, "window": window}
        needed = [-(-n // size) for n in lengths]
        blocks = torch.randperm(sum(needed), generator=stream(0, "order")) + 1
        self.tables = torch.zeros(len(lengths), max(needed) + spare, dtype=torch.int32)
        for row, own in enumerate(blocks.split(needed)):
            self.tables[row, : len(own)] = own
        pools = sum(needed) + 1, heads[1], size
        drawn = {
            "q": (len(lengths), heads[0], t, widths[0]),
            "keys": (*pools, widths[0]),
            "values": (*pools, widths[1]),
        }
        self.q, self.keys, self.values = (
            torch.randn(shape, generator=stream(0, name)).to(dtype) for name, shape in drawn.items()
        )
        self.device = device

    def seen(self) -> Tensor:
        """Which places of the pool any query reads."""
        found = torch.zeros(len(self.keys), self.keys.shape[2], dtype=torch.bool)
        for table, length in zip(self.tables.long(), self.lengths, strict=True):
            first = 0 if self.window is None else max(0, length - self.t - self.window + 1)
            at = torch.arange(first, length)
            found[table[at // found.shape[1]], at % found.shape[1]] = True
        return found

    def expected(self) -> Tensor:
        wide = (x.double() for x in (self.q, self.keys, self.values))
        return paged_attention_reference(
            *wide, self.tables, torch.tensor(self.lengths), **self.about
        )

    def found(self, call=paged_attention_triton, *, garbage: float = torch.inf) -> Tensor:
        unread = ~self.seen()[:, None, :, None]
        keys, values = (x.masked_fill(unread, garbage) for x in (self.keys, self.values))
        given = (self.q, keys, values, self.tables, torch.tensor(self.lengths).int())
        return call(*(x.to(self.device) for x in given), **self.about)

    def check(self) -> None:
        found = self.found()
        near = NEAR[self.q.dtype]
        assert found.dtype == self.q.dtype
        torch.testing.assert_close(found.cpu().double(), self.expected(), rtol=near, atol=near)


@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS.keys())
@pytest.mark.parametrize(("t", "window"), [(1, None), (1, 21), (4, None), (4, 50)])
def test_blocks_are_read_as_a_text(
    device: torch.device,
    short: None,
    dtype: torch.dtype,
    heads: tuple[int, int],
    t: int,
    window: int | None,
):
    lengths = tuple(n for n in LENGTHS if n >= t)
    Case(device, lengths, heads=heads, t=t, window=window, dtype=dtype).check()


@pytest.mark.parametrize("widths", [(16, 16), (64, 64), (80, 96), (7, 33), (256, 40)])
@pytest.mark.parametrize("size", [1, 5, 64])
def test_heads_of_any_width_and_blocks_of_any_size(
    device: torch.device, widths: tuple[int, int], size: int
):
    Case(device, (5, 70, 1), widths=widths, size=size).check()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_row_of_any_length(device: torch.device, short: None, data: st.DataObject):
    t = data.draw(st.integers(1, 16), "t")
    lengths = data.draw(st.lists(st.integers(t, 130), min_size=1, max_size=3), "lengths")
    window = data.draw(st.none() | st.integers(1, 90), "window")
    heads, sharing = data.draw(st.integers(1, 3), "heads"), data.draw(st.integers(1, 3), "sharing")
    widths = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)), "widths")
    Case(
        device,
        tuple(lengths),
        heads=(heads * sharing, heads),
        widths=widths,
        size=data.draw(st.integers(1, 20), "size"),
        t=t,
        window=window,
        dtype=data.draw(st.sampled_from([torch.float32, torch.float16]), "dtype"),
    ).check()


@pytest.mark.parametrize("programs", [1, 8, 10_000])
@pytest.mark.parametrize("spare", [0, 300])
def test_in_however_many_spans(
    device: torch.device, programs: int, spare: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kernels, "PROGRAMS", programs)
    monkeypatch.setattr(kernels, "TILE_TOKENS", 16)
    monkeypatch.setattr(kernels, "SHORT", 32)
    monkeypatch.setattr(kernels, "LONG", 256)
    case = Case(device, (530, 3, 64), heads=(2, 1), spare=spare)
    spans = plan(case.q, case.values, case.tables, None).spans
    assert spans == {1: 3, 8: 3, 10_000: 17}[programs] or spare
    case.check()


def test_more_queries_than_one_program_takes(device: torch.device):
    case = Case(device, (40, 16), heads=(10, 2), t=16)
    assert plan(case.q, case.values, case.tables, None).tiles == 2
    case.check()


def test_rows_may_share_blocks(device: torch.device, short: None):
    case = Case(device, (100, 90, 80))
    case.tables[1:, :4] = case.tables[0, :4]
    case.check()


def test_what_nobody_may_see_is_not_read(device: torch.device, short: None):
    case = Case(device, t=1, window=7)
    assert case.found(garbage=torch.nan).isfinite().all()
    assert torch.equal(case.found(garbage=torch.nan), case.found(garbage=0.0))


@pytest.mark.parametrize("t", [1, 5])
def test_rows_of_padding_read_the_block_of_nobody(device: torch.device, short: None, t: int):
    case = Case(device, (100, t, t), t=t, size=4)
    case.tables[1:] = 0
    rows = case.found()[1:].cpu().double()
    assert rows.isfinite().all()
    torch.testing.assert_close(rows, case.expected()[1:], rtol=1e-5, atol=1e-5)


def test_scores_may_be_as_large_as_they_like(device: torch.device, short: None):
    case = Case(device)
    case.q *= 1e4
    assert case.found().isfinite().all()


def test_queries_and_tables_may_lie_in_memory_as_they_like(device: torch.device):
    case = Case(device, t=4, lengths=(5, 16, 133))
    wanted = case.found()
    case.q = case.q.transpose(1, 2).contiguous().transpose(1, 2)
    case.tables = case.tables.T.contiguous().T.long()
    assert torch.equal(case.found(), wanted)
    case.q = case.q.mT.contiguous().mT
    assert torch.equal(case.found(), wanted)


def test_the_division_of_work_knows_shapes_only():
    if kernels.triton is None:
        pytest.skip("needs Triton")
    q, values = torch.empty(2, 8, 1, 64, device="meta"), torch.empty(9, 2, 16, 64, device="meta")
    tables = torch.empty(2, 512, dtype=torch.int32, device="meta")
    assert plan(q, values, tables, None) == (16, 1, 64, 64, 128)
    assert plan(q.half(), values.half(), tables, None) == (16, 1, 128, 64, 128)
    assert plan(q, values, tables, 100).spans == 1
    crowd = plan(q[:1].expand(2048, -1, -1, -1), values, tables[:1].expand(2048, -1), None)
    assert (crowd.spans, crowd.least) == (2, 1024)


def test_which_the_kernels_can_take(triton_device: torch.device):
    case = Case(triton_device)
    q, pools = case.q.to(triton_device), [x.to(triton_device) for x in (case.keys, case.values)]
    assert usable(q, *pools) == (triton_device.type == "cuda")
    assert not usable(q.double(), *(x.double() for x in pools))
    assert not usable(q.half(), *pools)
    assert not usable(q[:0], *pools)
    assert not usable(q, *(x.transpose(1, 2) for x in pools))
    assert not usable(*(x.repeat_interleave(20, -1) for x in (q, *pools)))  # 480 wide in float32


def test_without_a_gpu_they_are_not_used():
    case = Case(torch.device("cpu"))
    assert not usable(case.q, case.keys, case.values)


def on_a_gpu(device: torch.device) -> None:
    if device.type != "cuda":
        pytest.skip("needs a GPU")


def test_on_a_gpu_they_are_used_where_nothing_is_differentiated(triton_device: torch.device):
    on_a_gpu(triton_device)
    case = Case(triton_device)
    assert torch.equal(case.found(paged_attention), case.found())
    case.q.requires_grad_()
    assert case.found(paged_attention, garbage=0.0).requires_grad


def test_a_captured_step_reads_whatever_lengths_it_is_given(triton_device: torch.device):
    on_a_gpu(triton_device)
    case = Case(triton_device, (500, 300, 7), dtype=torch.float16)
    given = [x.to(triton_device) for x in (case.q, case.keys, case.values, case.tables)]
    lengths = torch.tensor(case.lengths, dtype=torch.int32, device=triton_device)
    paged_attention(*given, lengths, **case.about)  # compiles
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = paged_attention(*given, lengths, **case.about)
    for less in (0, 3, 6):
        lengths.copy_(torch.tensor(case.lengths) - less)
        graph.replay()
        expected = paged_attention(*given, lengths, **case.about)
        assert torch.equal(out, expected)


class Launches:
    """In the place of a kernel: with what it would have been launched."""

    def __init__(self, made) -> None:
        self.made, self.grid = made, ()

    def __getitem__(self, grid: tuple[int, ...]):
        self.grid = grid
        return self.keep

    def keep(self, *args, **known) -> None:
        self.args, self.known = args, known

    def compiled(self, capability: int):
        """What was to be launched, compiled for a GPU."""
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        how = {name: self.known.pop(name) for name in list(self.known) if name.startswith("num_")}
        types, even = dict.fromkeys(self.known, "constexpr"), {}
        for place, (name, value) in enumerate(zip(self.made.arg_names, self.args, strict=False)):
            if isinstance(value, Tensor):
                types[name] = POINTERS[value.dtype]
            elif value == 1:
                types[name], self.known[name] = "constexpr", 1
            else:
                types[name] = "i32" if isinstance(value, int) else "fp32"
            if isinstance(value, Tensor) or (isinstance(value, int) and value % 16 == 0):
                even[(place,)] = [["tt.divisibility", 16]]
        ordered = {name: types[name] for name in self.made.arg_names}
        source = ASTSource(self.made, ordered, constexprs=self.known, attrs=even)
        return kernels.triton.compile(source, target=GPUTarget("cuda", capability, 32), options=how)


POINTERS = {
    torch.float32: "*fp32",
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.int32: "*i32",
}
AHEAD = {
    "one query": {"heads": (8, 2), "widths": (128, 128), "dtype": torch.bfloat16},
    "many": {"heads": (8, 2), "widths": (128, 128), "t": 16, "dtype": torch.float16},
    "a window": {"heads": (4, 4), "widths": (80, 100), "window": 500, "dtype": torch.bfloat16},
    "float32": {"heads": (4, 1), "widths": (64, 64), "t": 3},
}


@pytest.mark.parametrize("about", AHEAD.values(), ids=AHEAD.keys())
def test_they_can_be_compiled_for_a_gpu_that_is_not_here(
    about: dict, monkeypatch: pytest.MonkeyPatch
):
    if kernels.triton is None or os.environ.get("TRITON_INTERPRET") == "1":
        pytest.skip("needs Triton and its compiler, thus no TRITON_INTERPRET")
    for name in ("_spread", "_attend", "_combine"):  # as they were before the tests' import hook
        monkeypatch.setattr(kernels, name, kernel(inspect.unwrap(getattr(kernels, name).fn)))
    launched = {name: Launches(getattr(kernels, name)) for name in ("_attend", "_combine")}
    for name, launches in launched.items():
        monkeypatch.setattr(kernels, name, launches)
    Case(torch.device("cpu"), (1000, 40), **about).found()
    for name, launches in launched.items():
        made = launches.compiled(90)
        assert made.metadata.shared < 227 * 1024, name  # which a program of an H100 may have
        assert ("mma" in made.asm["ptx"]) == (name == "_attend")
