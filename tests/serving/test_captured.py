"""A step that was recorded says of other rows what the model says of them.

There need not be a GPU. What a CUDA graph keeps of a step is what a trace keeps of it: operators
and the tensors they read. Every number that Python knew while it was traced is frozen there, so
that a trace that is right for other rows shows that there was none.
"""

import random
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from loud import loud
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from practicum.adapters.quantize import Quantized
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.kernels import native
from practicum.models.build import build
from practicum.models.families.gemma import gemma, gemma2
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.mamba import mamba
from practicum.models.families.mistral import mistral
from practicum.models.families.mixtral import mixtral
from practicum.models.families.phi import phi
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import Rope, SinusoidalPositions
from practicum.nn.relative import Buckets, Sinusoids, Slopes
from practicum.nn.rope_scaling import Dynamic, Yarn
from practicum.serving.blocks import Lease
from practicum.serving.captured import Steps, sizes
from practicum.serving.engine import Engine
from practicum.serving.graphs import again
from practicum.serving.memory import Memory
from practicum.serving.settings import Settings
from practicum.tokenizers.bytes import ByteTokenizer

TOKENS = ByteTokenizer().size
SHAPE = {"width": 32, "depth": 1, "heads": 4, "vocab": TOKENS, "context": 64}
GROUPED = {**SHAPE, "kv_heads": 2, "hidden": 48}


def mixing(description, **changes):
    """The description with these changes to the attention of every block."""
    blocks = tuple(
        replace(block, mixer=replace(block.attention, **changes))
        for block in description.stack.pattern
    )
    return replace(description, stack=replace(description.stack, block=blocks))


LLAMA = llama(**{**GROUPED, "depth": 2})
STRETCHED = Rope(scaling=Yarn(factor=4.0, context=16))
CAPTURABLE = {
    "grouped": LLAMA,
    "learned positions": gpt2(**SHAPE),
    "sinusoidal positions": replace(gpt2(**SHAPE), positions=SinusoidalPositions()),
    "one key head": gemma(**{**GROUPED, "kv_heads": 1}, head_width=10),
    "capped": mixing(gemma2(**GROUPED, head_width=8), window=None, cap=2.0),
    "parallel": phi(**SHAPE),
    "buckets": mixing(LLAMA, positions=None, relative=Buckets(count=8, far=20)),
    "stretched": mixing(LLAMA, positions=STRETCHED),
}
OTHERS = {
    "a window": mistral(**GROUPED, window=20),
    "a recurrence": mamba(width=32, depth=2, vocab=TOKENS, context=64),
    "experts": mixtral(**GROUPED, experts=4, top=2),
    "slopes": mixing(LLAMA, positions=None, relative=Slopes()),
    "distances": mixing(LLAMA, positions=None, relative=Sinusoids()),
    "growing": mixing(LLAMA, positions=Rope(scaling=Dynamic(factor=2.0, context=16))),
}
SETTINGS = Settings(rows=4, block=4, memory=0.01)
LENGTHS = (1, 30, 7, 16, 63, 2)


def traced(run, numbers):
    """Keeps what a CUDA graph keeps of a step. Warm, as that one, since caches are full then."""
    run(numbers)
    graph = make_fx(run)(numbers)
    return lambda: graph(numbers)


class Texts:
    """Texts that `model` has read, each with a place for one token more."""

    def __init__(self, model, lengths=LENGTHS, settings=SETTINGS):
        self.model = model
        self.memory = Memory(model, replace(settings, rows=8))
        self.lengths, self.leases = list(lengths), [Lease() for _ in lengths]
        draw = random.Random(5)
        self.ids = [[draw.randrange(TOKENS) for _ in range(n + 1)] for n in lengths]
        for tokens in range(1, max(lengths) + 2):  # so that blocks lie scattered
            for lease, n in zip(self.leases, lengths, strict=True):
                assert tokens > n + 1 or self.memory.blocks.extend(lease, tokens)
        with torch.inference_mode():
            for lease, ids in zip(self.leases, self.ids, strict=True):
                past = self.memory.state([lease], [0], len(ids) - 1, {})
                model.hidden(torch.tensor([ids[:-1]]), past)

    def plain(self, rows):
        """The scores after the last token of these texts, and what is in memory then."""
        leases, lengths = [self.leases[i] for i in rows], [self.lengths[i] for i in rows]
        with torch.inference_mode():
            past = self.memory.state(leases, lengths, 1, {})
            last = torch.tensor([self.ids[i][-1:] for i in rows])
            return self.model.logits(self.model.hidden(last, past))[:, 0], self._kept()

    def stepped(self, steps, rows):
        """The same by `steps`."""
        scores = steps(
            [self.ids[i][-1] for i in rows],
            [self.leases[i] for i in rows],
            [self.lengths[i] for i in rows],
        )
        return scores.clone(), self._kept()

    def _kept(self):
        """A copy of all blocks that are somebody's; then the last tokens are taken out."""
        pools = [x for pool in self.memory._pools.values() for x in (pool.keys, pool.values)]
        kept = [pool[1:].clone() for pool in pools]
        for lease, n in zip(self.leases, self.lengths, strict=True):
            for pool in pools:
                pool[lease.blocks[n // 4], :, n % 4] = 0
        return kept


@pytest.fixture(scope="module", params=CAPTURABLE)
def texts(request):
    return Texts(loud(CAPTURABLE[request.param]))


def test_a_trace_of_one_step_is_right_for_other_rows(texts):
    recorded = []

    def recorder():
        return lambda run, numbers: recorded.append(len(numbers)) or traced(run, numbers)

    steps = Steps(texts.model, texts.memory, 4, recorder)
    for rows in ([0, 2, 5], [4, 1, 0, 3], [3, 2, 4]):
        (scores, kept), (wanted, before) = texts.stepped(steps, rows), texts.plain(rows)
        torch.testing.assert_close(scores, wanted)
        torch.testing.assert_close(kept, before)
    assert recorded == [4 * (16 + 2)]


def test_what_python_knows_of_the_rows_is_frozen_in_a_trace():
    texts = Texts(loud(LLAMA))

    def traced_from(rows):
        def plain(numbers):
            ids = numbers[-6:-3].long()[:, None]
            leases, lengths = [texts.leases[i] for i in rows], [texts.lengths[i] for i in rows]
            past = texts.memory.state(leases, lengths, 1, {})
            return texts.model.logits(texts.model.hidden(ids, past))[:, 0]

        return lambda: lambda run, numbers: traced(plain, numbers)

    rows = [0, 1, 2]
    steps = Steps(texts.model, texts.memory, 3, traced_from(rows))
    torch.testing.assert_close(texts.stepped(steps, rows), texts.plain(rows))
    others = [3, 4, 5]
    scores, wanted = texts.stepped(steps, others)[0], texts.plain(others)[0]
    assert (scores - wanted).abs().max() > 0.1


class Watching(TorchDispatchMode):
    """Notes where the operands and results of every operator are."""

    def __init__(self):
        super().__init__()
        self.places = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, made)) if isinstance(x, torch.Tensor)]
        self.places += [(str(func), x.device.type) for x in tensors]
        return made


@contextmanager
def no_tensors_from_lists(monkeypatch):
    """A copy that no operator makes."""
    with monkeypatch.context() as patch:
        for maker in ("tensor", "as_tensor", "from_numpy"):
            patch.delattr(torch, maker)
        yield


@pytest.mark.parametrize("name", CAPTURABLE)
def test_a_step_wants_nothing_of_the_host_and_tells_it_nothing(name, monkeypatch):
    # tensors of the meta device have no values: what would wait for one is refused
    model = build(CAPTURABLE[name], seed=0).to("meta")
    memory = Memory(model, SETTINGS)

    def watched(run, numbers):
        run(numbers)
        with Watching() as seen, no_tensors_from_lists(monkeypatch):
            made = run(numbers)
        assert {place for _, place in seen.places} == {"meta"}
        return lambda: made

    lease = Lease()
    memory.blocks.extend(lease, 9)
    steps = Steps(model, memory, 4, lambda: watched)
    assert steps([3, 4], [lease, lease], [8, 5]).shape == (2, TOKENS)


@pytest.mark.parametrize("name", OTHERS)
def test_what_cannot_be_recorded_is_left_to_the_model(name):
    model = loud(OTHERS[name])
    steps = Steps(model, Memory(model, SETTINGS), 4, lambda: pytest.fail("it was tried"))
    assert steps([1], [Lease()], [0]) is None


def test_a_table_that_never_grows_is_recorded():
    scaling = Dynamic(factor=2.0, context=64)
    model = loud(mixing(LLAMA, positions=Rope(scaling=scaling)))
    texts = Texts(model)
    steps = Steps(model, texts.memory, 4)
    torch.testing.assert_close(texts.stepped(steps, [4, 0])[0], texts.plain([4, 0])[0])


def test_packed_weights_are_read_part_by_part_and_recorded():
    model = loud(LLAMA, dtype=torch.float32)
    Quantized(bits=16).attach(model)
    with native.using(native.OFF):
        texts = Texts(model)
        steps = Steps(model, texts.memory, 4, lambda: traced)
        texts.stepped(steps, [1, 2, 3])
        for mine, other in zip(
            texts.stepped(steps, [4, 0, 2]), texts.plain([4, 0, 2]), strict=True
        ):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_there_are_few_sizes_and_the_next_larger_one_serves():
    assert sizes(1) == [1]
    assert sizes(3) == [1, 2, 3]
    assert sizes(16) == [1, 2, 4, 8, 16]
    assert sizes(36) == [1, 2, 4, 8, 16, 24, 32, 36]


def test_padding_writes_to_nobody():
    texts = Texts(loud(LLAMA))
    before = texts._kept()
    steps = Steps(texts.model, texts.memory, 4)
    lease = Lease()
    texts.memory.blocks.extend(lease, 1)
    steps([7], [lease], [0])
    changed = {
        int(block) + 1
        for one, other in zip(before, texts._kept(), strict=True)
        for block in (one != other).any(-1).any(-1).any(-1).nonzero()
    }
    assert changed == {lease.blocks[0]}


def _counting(made):
    def recorder():
        return lambda run, numbers: made.append(run) or traced(run, numbers)

    return recorder


def test_weights_that_are_written_to_are_read_and_new_ones_recorded():
    model, made = loud(llama(**GROUPED)), []
    texts = Texts(model)
    steps = Steps(model, texts.memory, 4, _counting(made))
    first = texts.stepped(steps, [1])[0]
    with torch.no_grad():
        model.embedding.weight.mul_(-0.5)
    written = texts.stepped(steps, [1])[0]
    assert (first - written).abs().max() > 0.1
    torch.testing.assert_close(written, texts.plain([1])[0])
    assert len(made) == 1
    for change in (
        lambda: setattr(model.embedding, "weight", torch.nn.Parameter(2 * model.embedding.weight)),
        lambda: setattr(model.embedding.weight, "data", -model.embedding.weight.data),
    ):
        change()
        other, again = [2], [1]  # which is noticed when rows come and go
        torch.testing.assert_close(texts.stepped(steps, other)[0], texts.plain(other)[0])
        torch.testing.assert_close(texts.stepped(steps, again)[0], texts.plain(again)[0])
    assert len(made) == 3


def test_a_model_that_becomes_another_is_recorded_no_more():
    model = loud(LLAMA, dtype=torch.float32)
    texts = Texts(model)
    steps = Steps(model, texts.memory, 4)
    assert steps([1], texts.leases[:1], [1]) is not None
    hook = model.stack.register_forward_hook(lambda *_: None)
    assert steps([1], texts.leases[1:2], [30]) is None
    hook.remove()
    assert steps([1], texts.leases[:1], [1]) is not None
    model.stack.blocks[0].attention.out.__class__ = Unknown
    assert steps([1], texts.leases[1:2], [30]) is None


class Unknown(LinearLayer):
    """A part of which nobody knows whether it asks the host."""


PROMPTS = ["It was", "It was the age of wisdom, it was", "x", "open at 7; Naïve", "It was the age"]
SAMPLINGS = [
    Sampling(temperature=0.0, max_tokens=14),
    Sampling(temperature=1.2, max_tokens=200),  # up to the end of the context
    Sampling(top_k=20, top_p=0.9, max_tokens=8, logprobs=2),
    Sampling(temperature=0.0, repetition_penalty=1.4, max_tokens=5),
]
TIGHT = Settings(rows=4, block=4, chunk=32, memory=22.5 * 4 * 2 * 2 * 2 * 8 * 8 / 1e9)


def test_an_engine_says_the_same_by_steps():
    model = LanguageModel(loud(LLAMA), ByteTokenizer())
    draw = random.Random(1)
    prompts = [draw.choice(PROMPTS) for _ in range(7)]
    samplings = [replace(SAMPLINGS[i % 4], seed=i) for i in range(7)]
    wanted = {end.index: end for end in Engine(model, TIGHT).generate(prompts, samplings)}
    assert max(len(prompts[i].encode()) + len(end.ids) for i, end in wanted.items()) == 65
    engine = Engine(model, TIGHT)
    played = []

    def recorder():
        def record(run, numbers):
            play = traced(run, numbers)
            return lambda: played.append(len(numbers)) or play()

        return record

    engine.batch._steps = Steps(model.model, engine.memory, TIGHT.rows, recorder)
    for end in engine.generate(prompts, samplings):
        assert end.ids == wanted[end.index].ids
        assert end.logprobs == pytest.approx(wanted[end.index].logprobs, abs=1e-9)
    assert engine.memory.blocks.count == 22
    assert engine.load.put_off > 0
    assert len(played) > 50
    assert engine.memory.blocks.used == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="records CUDA graphs")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_graphs_are_the_steps_they_recorded(dtype):
    model = loud(LLAMA, dtype=dtype).cuda()
    memory = Memory(model, replace(SETTINGS, rows=8))
    leases, draw = [Lease() for _ in range(6)], random.Random(2)
    for lease, n in zip(leases, LENGTHS, strict=True):
        memory.blocks.extend(lease, n + 1)
    for pool in memory._pools.values():
        pool.keys.normal_(generator=torch.Generator("cuda").manual_seed(1))
        pool.values.normal_(generator=torch.Generator("cuda").manual_seed(2))
    played, anew = Steps(model, memory, 6), Steps(model, memory, 6, lambda: again)
    for rows in ([0, 1, 2], [3, 4, 5, 0], [4], [5], [0, 1, 2, 3, 4, 5], [2, 3, 1]):
        ids = [draw.randrange(TOKENS) for _ in rows]
        asked = ids, [leases[i] for i in rows], [LENGTHS[i] for i in rows]
        torch.testing.assert_close(played(*asked), anew(*asked))
