"""Attention? Attention! (Weng 2018): the family of attention mechanisms behind one interface.

e_ti = score(s_t, h_i),  α_t = normalise(e_t),  c_t = Σ_i α_ti v_i: what differs is the score
(cosine, additive, by location, general, dot, scaled dot), how it is made into weights (soft, local,
hard, by a Turing machine's head), and whether the weights themselves are the answer (a pointer).
Claim: each mechanism finds what it can see and nothing else: content where keys are asked for,
places where places are, both for a Turing machine's head; hard attention needs a baseline, a
pointer names more places than it was trained on, attention joins pixels that small filters cannot.

The task of the readers: 16 slots of a key and a value; asked is the value beside a key, in a place,
or in the slot after a key. All readers have the same embeddings and the same network that answers.
Control: the mean of the memory, which is right whenever its answer is the commonest value.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from practicum import events
from practicum.data.alphabets import Alphabets
from practicum.data.bit_tasks import BitTask
from practicum.data.drawn import Drawn, fresh
from practicum.data.pointing import Filled, Pointing
from practicum.data.retrieval import Question, Retrieval
from practicum.evaluation.bit_rows import bits_wrong
from practicum.evaluation.few_shot import share_named_after
from practicum.evaluation.pointing import share_named, share_pointed
from practicum.evaluation.retrieval import looked_at, share_right
from practicum.interpret.alignment_picture import alignment_picture
from practicum.interpret.influence import pixels_seen, steps_seen
from practicum.interpret.softmax_slopes import median_slope
from practicum.kernels.alignment import entropy
from practicum.lab.heat_map import heat_map
from practicum.lab.kept import keep_picture
from practicum.lab.paper import Claim, Paper, Picture, Results
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.build import build
from practicum.models.few_shot import FewShot
from practicum.models.perceptron import Perceptron
from practicum.models.pointer_network import PointerNetwork
from practicum.models.retriever import Mechanism, Retriever, RetrieverModel
from practicum.models.turing_machine import TuringMachine
from practicum.nn.alignment import Hard
from practicum.nn.image_attention import START, ImageAttention
from practicum.nn.initial import Constant, Normal, Rule, initialise
from practicum.nn.memory_head import MemoryHead
from practicum.nn.positions import LearnedPositions
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive, Content, Dot, Even, General, Location, ScaledDot
from practicum.nn.snail import CausalLookup, Snail, TemporalConvolutions
from practicum.objectives.bits import Bits
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.few_shot import Naming
from practicum.objectives.hard_attention import Chooser, Choosing
from practicum.objectives.pointing import PointingLoss
from practicum.objectives.retrieval import Answering
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.estimator_variance import estimator_variance
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import AdamW

QUESTIONS: tuple[Question, ...] = ("after", "place", "key")  # the curves kept are of the last
WIDTHS = (16, 64, 256, 1024)  # of the vectors whose products a softmax compares
BY_KEY = ("dot", "scaled", "general", "additive", "cosine")


def adam(steps: int) -> Budget:
    """Adam as usual, without decay or warm-up."""
    usual = AdamW(betas=(0.9, 0.999), decay=0.0)
    return Budget(steps=steps, batch=128, rate=3e-3, warmup=0.0, optimiser=usual)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The tasks, and what may be spent on each."""

    memory: Retrieval = Retrieval()
    width: int = 64
    learn: Budget = adam(1000)
    choose: Budget = adam(1500)
    point: Budget = adam(300)
    longer: int = 20  # numbers to point at, where 5 to 10 were trained on
    tested: int = 2000
    draws: int = 40  # gradients whose variance is taken
    sort: Budget | None = None  # rising order, by repeated pointing
    tapes: tuple[BitTask, ...] = (
        BitTask(task="copy", longest=20),
        BitTask(task="recall", shortest=2, longest=6),
    )
    bits: Budget | None = None  # for each of the tapes, by a Turing machine
    alphabets: Alphabets = Alphabets()
    episodes: Budget | None = None  # naming new characters after one look, by SNAIL
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Look:
    """A way to read, put to all three questions."""

    mechanism: Mechanism
    positions: LearnedPositions | None = None

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        numbers, slots = dict[str, float](), [str(slot) for slot in range(setup.memory.slots)]
        for question in QUESTIONS:
            task = replace(setup.memory, question=question)
            model = retriever(setup, task, self.mechanism, self.positions, seed)
            source = Drawn(task, setup.learn.batch, seed=seed)
            fit(model, source, Answering(), setup.learn, seed=seed, watch=Watch(name=question))
            weights = looked_at(model, task, seed=seed)
            numbers[question] = share_right(model, fresh(task, setup.tested, seed=seed))
            numbers[f"entropy_{question}"] = float(entropy(weights[None]).mean())
            asked = [f"{question} {slot}" for slot in slots]
            picture = alignment_picture(weights.numpy(), slots, asked, title="Where it looks")
            keep_picture(f"alignment_{question}", picture)
        if isinstance(self.mechanism, MemoryHead) and setup.bits is not None:
            numbers |= remembered(setup, setup.bits, seed)
        return numbers


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """No training: how much gradient the softmax of random products lets through."""

    scaled: bool

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        numbers = {}
        for width in WIDTHS:
            slope = median_slope(width, scaled=self.scaled, seed=seed)
            events.emit(events.Metric(name="slope", value=slope, step=width))
            numbers[f"slope_{width}"] = slope
        return numbers


@dataclass(frozen=True, kw_only=True)
class Choose:
    """A reader that chooses one slot, asked by key."""

    learning: Choosing

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        task = replace(setup.memory, question="key")
        reader = Reader(score=ScaledDot(), align=Hard())
        model = Chooser(retriever(setup, task, reader, None, seed))
        numbers, examples = dict[str, float](), fresh(task, setup.choose.batch, seed=seed)

        def measure(step: int, model: torch.nn.Module) -> None:
            if step == max(1, setup.choose.steps // 10):  # where it has a baseline, and errs yet
                for name, memory in (("variance", 0.9), ("variance_raw", None)):
                    learning = replace(self.learning, memory=memory)
                    numbers[name] = estimator_variance(
                        model, learning, examples, draws=setup.draws, seed=seed
                    )

        source = Drawn(task, setup.choose.batch, seed=seed)
        watch = Watch(after_step=measure)
        fit(model, source, self.learning, setup.choose, seed=seed, watch=watch)
        numbers["key"] = share_right(model.model, fresh(task, setup.tested, seed=seed))
        return numbers


@dataclass(frozen=True, kw_only=True)
class Point:
    """The answer is a place: that of the largest number."""

    network: PointerNetwork = PointerNetwork()

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        numbers = {}
        budgets = {Pointing(order="rising"): setup.sort, Pointing(order="largest"): setup.point}
        for task, budget in budgets.items():
            if budget is None:
                continue
            order = task.order
            model = build(self.network, seed=seed, device=setup.device)
            source, watch = Drawn(task, budget.batch, seed=seed), Watch(name=order)
            fit(model, source, PointingLoss(), budget, seed=seed, watch=watch)
            numbers[order] = share_pointed(model, fresh(task, setup.tested, seed=seed))
            rows = fresh(longer(setup, task), setup.tested, seed=seed)
            numbers[f"{order}_longer"] = share_pointed(model, rows)
        return numbers


@dataclass(frozen=True, kw_only=True)
class Classify:
    """The control of the pointer: a class for each of the places that were trained on."""

    hidden: int = 128

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        task = Pointing()
        widths = (2 * task.longest, self.hidden, task.longest)
        network = Perceptron(widths=widths, activation="relu", output="identity", start="he")
        model = build(network, seed=seed, device=setup.device)
        source = Drawn(Filled(task=task), setup.point.batch, seed=seed)
        fit(model, source, CrossEntropy(), setup.point, seed=seed)
        rows = fresh(longer(setup, task), setup.tested, seed=seed)
        beyond = [row for row in rows if row.places[0] >= task.longest]
        return {
            "largest": share_named(model, fresh(task, setup.tested, seed=seed)),
            "largest_longer": share_named(model, rows),
            "beyond": share_named(model, beyond),
        }


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """No training: which pixels of an image one of its corners can depend on."""

    attention: ImageAttention | None = None  # None: two convolutions of 3 × 3

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        x = torch.randn(1, 16, 12, 12, generator=stream(seed, "image"), dtype=torch.float64)
        if self.attention is None:
            draw = torch.randn(2, 16, 16, 3, 3, generator=stream(seed, "filters"))
            first, second = draw.double().unbind()
            near = lambda x, filters: F.conv2d(x, filters, padding=1)
            return pixel_numbers(lambda x: near(torch.tanh(near(x, first)), second), x)
        layer = self.attention.build(16).double()
        weights = Rule(names="*", start=Normal(std=0.1))
        initialise(layer, (START, weights), seed=seed)
        changed = float((layer(x) - x).detach().abs().max())
        initialise(layer, (Rule(names="gamma", start=Constant(value=0.5)), weights), seed=seed)
        return {"changed": changed, **pixel_numbers(layer, x)}


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How many steps back a stack of dense causal convolutions sees, and ahead: no training."""

    lengths: tuple[int, ...] = (2, 4, 5, 8, 13, 16)

    def run(self, setup: Setup, seed: int) -> dict[str, float]:
        wrong = ahead = 0.0
        x = torch.randn(1, 40, 6, generator=stream(seed, "steps"), dtype=torch.float64)
        for length in self.lengths:
            convolutions = TemporalConvolutions(length=length, filters=5)
            lookup = CausalLookup(keys=4, values=3)
            for blocks in ((convolutions,), (lookup, convolutions, lookup)):
                layer = Snail(blocks=blocks).build(6).double()
                initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=seed)
                back, future = steps_seen(layer, x, 30)
                expected = 2 ** len(convolutions.blocks) if len(blocks) == 1 else 31
                wrong, ahead = max(wrong, abs(back - expected)), max(ahead, future)
        told = {} if setup.episodes is None else named(setup, setup.episodes, seed)
        return {"wrong": wrong, "ahead": ahead, **told}


Arm = Look | Slopes | Choose | Point | Classify | Pixels | Steps
ARMS: dict[str, Arm] = {
    "mean": Look(mechanism=Reader(score=Even())),  # the control
    "dot": Look(mechanism=Reader(score=Dot())),
    "scaled": Look(mechanism=Reader(score=ScaledDot())),
    "general": Look(mechanism=Reader(score=General())),
    "additive": Look(mechanism=Reader(score=Additive(hidden=64))),
    "cosine": Look(mechanism=Reader(score=Content(strength=10.0))),
    "location": Look(mechanism=Reader(score=Location())),
    "placed": Look(mechanism=Reader(score=ScaledDot()), positions=LearnedPositions()),
    "machine": Look(mechanism=MemoryHead(reach=1)),
    "hard": Choose(learning=Choosing()),
    "hard-raw": Choose(learning=Choosing(memory=None)),
    "pointer": Point(),
    "classes": Classify(),
    "slopes": Slopes(scaled=False),
    "slopes-scaled": Slopes(scaled=True),
    "pixels": Pixels(attention=ImageAttention(reduction=8)),
    "pixels-filtered": Pixels(),
    "snail": Steps(),
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """What the arm's mechanism finds."""
    return ARMS[arm].run(setup, seed)


def retriever(
    setup: Setup,
    task: Retrieval,
    mechanism: Mechanism,
    positions: LearnedPositions | None,
    seed: int,
) -> RetrieverModel:
    """The network that is the same for all but its mechanism."""
    description = Retriever(
        mechanism=mechanism,
        positions=positions,
        asked=task.questions,
        keys=task.keys,
        values=task.values,
        slots=task.slots,
        width=setup.width,
    )
    return build(description, seed=seed, device=setup.device)


def longer(setup: Setup, task: Pointing) -> Pointing:
    """The same task on rows longer than any that were trained on."""
    return replace(task, shortest=setup.longer, longest=setup.longer)


def pixel_numbers(function: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, float]:
    """The slope of one corner by the opposite one, and how many pixels have one."""
    slopes = pixels_seen(function, x, (0, 0))
    return {"far": float(slopes[-1, -1]), "seen": float(slopes.count_nonzero())}


def remembered(setup: Setup, budget: Budget, seed: int) -> dict[str, float]:
    """Bits that a Turing machine gets wrong at the lengths it learned, and at twice the longest."""
    numbers = {}
    for task in setup.tapes:
        machine = TuringMachine(inputs=task.bits + 2, outputs=task.bits)
        model = build(machine, seed=seed, device=setup.device)
        source, watch = Drawn(task, budget.batch, seed=seed), Watch(name=task.task)
        fit(model, source, Bits(), budget, seed=seed, watch=watch)
        for name, length in (("", task.longest), ("_longer", 2 * task.longest)):
            exact = replace(task, shortest=length, longest=length)
            rows = fresh(exact, setup.tested // 10, seed=seed)
            numbers[f"wrong_{task.task}{name}"] = bits_wrong(model, rows)
    return numbers


def named(setup: Setup, budget: Budget, seed: int) -> dict[str, float]:
    """How many new characters SNAIL names rightly after having seen each once."""
    task = setup.alphabets
    network = FewShot(ways=task.ways, shots=task.shots, pixels=task.side**2)
    model = build(network, seed=seed, device=setup.device)
    fit(model, Drawn(task, budget.batch, seed=seed), Naming(), budget, seed=seed)
    return {"named": share_named_after(model, fresh(task, setup.tested, seed=seed))}


def flatness(r: Results) -> float:
    """How far the scaled slopes of all widths differ: largest over smallest, less 1."""
    slopes = [r["slopes-scaled"][f"slope_{width}"] for width in WIDTHS]
    return max(slopes) / min(slopes) - 1.0


def who_finds_what(rows: Rows) -> Picture:
    """The share of right answers of every mechanism at every question."""
    columns = {"key": "beside the key", "place": "in the place", "after": "after the key"}
    return heat_map(of(Look, rows), columns, title="Share of right answers")


def softmax_slopes(rows: Rows) -> Picture:
    """The Jacobian's median norm over the width of the vectors."""
    title = "Gradient through the softmax of 64 random products"
    slopes = of(Slopes, rows)
    return curves(slopes, "slope", title=title, x="width", y="‖∂α/∂e‖", log_x=True, log_y=True)


def learning(rows: Rows) -> Picture:
    """The loss of the question that every reader learned last."""
    title = "Learning what is beside a key"
    return curves(of(Look, rows), "loss", title=title, y="nats per answer")


def rewards(rows: Rows) -> Picture:
    """What a hard reader minimises: nats and the terms of its choices, which are no nats."""
    title = "Learning to choose a slot"
    return curves(of(Choose, rows), "loss", title=title, y="what is minimised, per answer")


def of(kind: type, rows: Rows) -> Rows:
    """The rows of the arms of one kind."""
    return replace(rows, arms=tuple(name for name, arm in ARMS.items() if isinstance(arm, kind)))


CPU = Setup()
BRIEF = replace(adam(3), batch=8)
LONG = replace(adam(20_000), rate=1e-3)
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    presets={
        "smoke": Setup(
            memory=Retrieval(slots=4, keys=8, values=4),
            width=16,
            learn=BRIEF,
            choose=BRIEF,
            point=BRIEF,
            tested=40,
            draws=2,
            sort=BRIEF,
            tapes=(BitTask(longest=2), BitTask(task="recall", shortest=2, longest=2)),
            bits=BRIEF,
            episodes=BRIEF,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            learn=adam(5000),
            choose=adam(5000),
            sort=LONG,
            bits=replace(LONG, batch=32),
            episodes=replace(LONG, rate=5e-4),
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 5},
    claims=(
        Claim(
            "every score that looks at content finds what is beside a key",
            value=lambda r: min(r[arm].key for arm in BY_KEY),
            at_least=0.9,
            source="Summary, table of scores; the margin is ours",
        ),
        Claim(
            "neither scores by location nor the mean of the memory find it",
            value=lambda r: max(r.location.key, r.mean.key),
            at_most=0.25,
            source="Summary, location-base; the margin is ours",
        ),
        Claim(
            "scores by location find what is in a place",
            value=lambda r: r.location.place,
            at_least=0.95,
            source="Summary, location-base; the margin is ours",
        ),
        Claim(
            "products do not, since the order of the memory means nothing to them",
            value=lambda r: r.scaled.place,
            at_most=0.25,
            source="Transformer, on positions; the margin is ours",
        ),
        Claim(
            "with positions in the memory they do",
            value=lambda r: r.placed.place,
            at_least=0.95,
            source="Transformer, on positions; the margin is ours",
        ),
        Claim(
            "content alone does not find what comes after a key",
            value=lambda r: max(r[arm].after for arm in BY_KEY),
            at_most=0.25,
            source="Neural Turing machines, addressing; the margin is ours",
        ),
        Claim(
            "content and a shift do",
            value=lambda r: r.machine.after,
            at_least=0.85,
            source="Neural Turing machines, addressing; the margin is ours",
        ),
        Claim(
            "the slope of a softmax of scaled products is that of other widths, within 15 %",
            value=flatness,
            at_most=0.15,
            source="Transformer, scaled dot-product; the margin is ours",
        ),
        Claim(
            "unscaled, at a width of 1,024, it is a twentieth of that or less",
            value=lambda r: r.slopes.slope_1024 / r["slopes-scaled"].slope_1024,
            at_most=0.05,
            source="Transformer, scaled dot-product; the margin is ours",
        ),
        Claim(
            "a hard reader with a baseline finds what is beside a key",
            value=lambda r: r.hard.key,
            at_least=0.9,
            source="Soft and hard attention; the margin is ours",
        ),
        Claim(
            "without the baseline it finds 3 points less",
            value=lambda r: r.hard.key - r["hard-raw"].key,
            at_least=0.03,
            source="Soft and hard attention; the margin is ours",
        ),
        Claim(
            "a pointer names the largest of 5 to 10 numbers",
            value=lambda r: r.pointer.largest,
            at_least=0.95,
            source="Pointer network; the margin is ours",
        ),
        Claim(
            "and of 20, of which it never saw so many",
            value=lambda r: r.pointer.largest_longer,
            at_least=0.9,
            source="Pointer network; the margin is ours",
        ),
        Claim(
            "a class for each of ten places names no place above the tenth",
            value=lambda r: r.classes.beyond,
            at_most=0,
            source="Pointer network",
        ),
        Claim(
            "at first attention leaves an image as it is, bit for bit",
            value=lambda r: r.pixels.changed,
            at_most=0,
            source="SAGAN, γ starts at 0",
        ),
        Claim(
            "later a corner depends on the opposite one",
            value=lambda r: r.pixels.far,
            above=0,
            source="SAGAN",
        ),
        Claim(
            "after two small convolutions it does not",
            value=lambda r: r["pixels-filtered"].far,
            at_most=0,
            source="SAGAN",
        ),
        Claim(
            "L dense causal convolutions see exactly 2^L steps, and attention all before",
            value=lambda r: r.snail.wrong,
            at_most=0,
            source="SNAIL",
        ),
        Claim(
            "none of them sees a step ahead",
            value=lambda r: r.snail.ahead,
            at_most=0,
            source="SNAIL",
        ),
    ),
    plots=(who_finds_what, softmax_slopes, learning, rewards),
)
