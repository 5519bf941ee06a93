"""Codex: Evaluating large language models trained on code (Chen et al. 2021).

A GPT that has read Python writes the bodies of functions from their docstrings, and tests decide.
With n samples of a problem, c of them right, the chance that one of k passes is (§2.1, eq. 1):
pass@k = 1 − C(n − c, k) / C(n, k)
Claim: the best temperature grows with k, the sample of highest mean log-probability beats a random
one (§3.3), learning the solutions of correct standalone functions beats the base (§4), and each
further step that a docstring asks for divides the pass rate (App. C).

The base reads files of the standard library that pass the paper's filters and, as often, modules of
one function that chains changes of a string; of these three in ten have a wrong line, as code of
the world has. It is asked for functions of phrases and of neighbouring changes that it never read.
The supervised model learns from functions whose tests passed in the sandbox; the control reads on
for as many steps and tokens. A reverse model learns docstrings from code (§5), and a GPT of English
alone is asked the same. The shapes are GPT-3's, as in the paper. Real functions of the standard
library with their doctests are asked of the base, which may have read them, and of SmolLM2.

Half of what is read are such modules. With an eighth, in a million tokens, a pilot solved one in
ten of the problems of one change, and none of two: too little to compare anything by. Models and
ways of choosing are compared at temperature 0.8. There a random sample is worth less than one at
0.2, and the chosen one, in pilots, about as much.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from practicum import events
from practicum.data.chained_blocks import ChainedBlocks, ChainedFunction, named
from practicum.data.code_filters import FileFilters
from practicum.data.code_problem import CodeProblem
from practicum.data.curated_functions import passing
from practicum.data.doctest_problems import candidates, discriminating
from practicum.data.documents import Document
from practicum.data.excerpts import excerpt
from practicum.data.fetch import ensure
from practicum.data.filtered_python import filtered_python
from practicum.data.function_parts import Asked
from practicum.data.loader import Loader
from practicum.data.mixing import Equal, Mixed
from practicum.data.packing import Example, Windows
from practicum.data.shards import encode_documents
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.evaluation.code_ranking import (
    back_translation,
    log_probability,
    mean_log_probability,
    ranked,
)
from practicum.evaluation.code_runs import (
    Manner,
    Sample,
    by_temperature,
    draw_samples,
    run_samples,
    tally,
)
from practicum.evaluation.estimate_errors import estimate_errors
from practicum.evaluation.pass_at_k import pass_at_k
from practicum.evaluation.scorer import texts
from practicum.lab.kept import keep_text
from practicum.lab.paper import Claim, Paper, Picture, Results, Validity
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt3 import gpt3
from practicum.models.load import load
from practicum.objectives.next_token import NextToken
from practicum.objectives.solution import Solution, solved
from practicum.seeding import derive
from practicum.symbolic.sandbox import Sandbox
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.gpt2_files import load_gpt2_files
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.whitespace_runs import LONGEST, saving, train_with_runs, with_runs
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

RUNS = LONGEST - 1  # tokens for runs of spaces
Group = list[list[Sample]]  # the samples of every problem, at one temperature


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network, what it reads, and what it is asked; tried on other seeds."""

    width: int = 64
    depth: int = 3
    heads: int = 4
    vocab: int = 1024  # and the tokens for runs of spaces
    context: int = 192
    task: ChainedBlocks = ChainedBlocks()
    filters: FileFilters = FileFilters()
    learn: Budget = Budget(steps=720, batch=6, rate=6e-3)
    curated: ChainedBlocks = ChainedBlocks(lengths=(0.5, 0.5))
    drawn: int = 3000  # functions, of which those are kept that pass their tests
    solve: Budget = Budget(steps=150, batch=12, rate=2e-3)  # a function has some 95 tokens
    english: tuple[str, ...] = ("kjv", "web")
    english_share: float = 0.2  # of the base's steps
    counted: int = 300_000  # bytes of Python whose tokens are counted with and without runs
    gpt: str | None = "gpt2-vocabulary"  # to be given tokens for runs; None: that of English
    lengths: tuple[int, ...] = (1, 2, 3)
    asked: int = 20  # problems of each length
    tests: int = 8
    samples: int = 20
    few: int = 3  # samples where next to nothing passes, and docstrings for each problem
    temperatures: tuple[float, ...] = (0.2, 0.5, 0.8)  # the first and the last are the paper's
    compared: float = 0.8  # where models and ways of choosing are compared
    tries: tuple[int, ...] = (1, 2, 5, 10, 20)
    answer: int = 90  # tokens of a completion, at most
    doctests: int = 12  # real functions, public ones with the shortest prompts
    packages: tuple[str, ...] = ("",)  # whose functions these are; "": the standard library
    real: str | None = "smollm2"  # as `models.load` names it; None: a tiny untrained one
    draws: int = 10_000
    rows: int = 128  # side by side in sampling
    device: str = "cpu"

    @property
    def description(self) -> Decoder:
        """A small GPT-3 whose layers are all dense."""
        return gpt3(
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            vocab=self.vocab + RUNS,
            context=self.context,
            band=None,
            std=self.width**-0.5,
        )


MODELS = {"base": "Codex", "solver": "Codex-S", "control": "Codex, as many steps more"}
CHOICES = {"mean": mean_log_probability, "sum": log_probability}


def code(setup: Setup, seed: int) -> dict[str, float]:
    """The base, the supervised model, its control and the reverse model, on the same problems."""
    tokenizer, source = read(setup, seed)
    base = build(setup.description, seed=seed, device=setup.device)
    loss = fit(base, source, NextToken(), setup.learn, seed=seed, watch=Watch(name="Codex")).loss
    functions, problems = asked(setup, seed)
    with Sandbox(workers=1) as sandbox:
        drawn = setup.curated.draw(setup.drawn, rng(seed, "curated"))
        kept = passing(drawn, sandbox, tests=setup.tests, seed=seed)
        good = [function.parts for function in kept]
        models = {
            "base": base,
            "solver": taught(setup, base, tokenizer, [f.code_from_words for f in good], seed),
            "control": gone_on(setup, base, source, seed),
        }
        speakers = {name: speaker(setup, each, tokenizer) for name, each in models.items()}
        sweep = written(setup, speakers["base"], problems, sandbox, seed, setup.temperatures)
        groups, at = {"base": sweep[setup.compared]}, (setup.compared,)
        for name in ("solver", "control"):
            (groups[name],) = written(setup, speakers[name], problems, sandbox, seed, at).values()
        real = real_functions(setup, speakers["base"], sandbox, seed)
    reverse = taught(setup, base, tokenizer, [f.words_from_code for f in good], seed)
    explainer = speaker(setup, reverse, tokenizer)
    return {
        "loss": loss,
        "parameters": parameters_of(setup.description),
        "curated": len(good) / setup.drawn,
        **swept(setup, sweep),
        **rates(setup, functions, groups),
        **choices(setup, groups, explainer),
        "explained": explained(setup, explainer, functions, seed),
        **real,
    }


def english(setup: Setup, seed: int) -> dict[str, float]:
    """A GPT that has read no code, and the share of tokens that those for runs of spaces save."""
    steps = max(1, round(setup.learn.steps * setup.english_share))
    size = 4 * steps * setup.learn.batch * setup.context
    documents = list(excerpt(setup.english, size, seed=seed))
    plain = train_bpe([each.text for each in documents], setup.vocab)
    tokenizer = with_runs(plain)
    windows = Windows(encode_documents(documents, tokenizer), setup.context)
    model = build(setup.description, seed=seed, device=setup.device)
    source = Loader(windows, setup.learn.batch, seed=seed)
    budget = replace(setup.learn, steps=steps)
    loss = fit(model, source, NextToken(), budget, seed=seed, watch=Watch(name="English")).loss
    _, problems = asked(setup, seed)
    with Sandbox(workers=1) as sandbox:
        lm, cold = speaker(setup, model, tokenizer), (min(setup.temperatures),)
        (group,) = written(setup, lm, problems, sandbox, seed, cold, few=True).values()
    sample = [each.text for each in filtered_python(setup.filters, setup.counted, seed=seed)]
    gpt = plain if setup.gpt is None else vocabulary(setup.gpt)
    spared = saving(sample, gpt, with_runs(gpt)).share
    return {"loss": loss, "pass_1": passes(group, 1), "spared": spared}


def vocabulary(asset: str) -> BPE:
    """The tokenizer that GPT-3 shares with GPT-2."""
    files = ensure(asset)
    return load_gpt2_files(files / "encoder.json", files / "vocab.bpe")


def estimators(setup: Setup, seed: int) -> dict[str, float]:
    """The mean error of both estimates of pass@5 from 10 samples, over chances of 5, 10 … 95 %."""
    chances = [percent / 100 for percent in range(5, 100, 5)]
    errors = estimate_errors(chances, samples=10, k=5, draws=setup.draws, seed=seed)
    for error in errors:
        for name, value in (("unbiased", error.unbiased), ("plug-in", error.plug_in)):
            events.emit(events.Metric(name=name, value=value, step=round(100 * error.chance)))
    return {
        "unbiased": fmean(error.unbiased for error in errors),
        "plug_in": fmean(error.plug_in for error in errors),
    }


def known(setup: Setup, seed: int) -> dict[str, float]:
    """What a model of real text makes of real functions."""
    if setup.real is None:
        tokenizer = ByteTokenizer()
        small = gpt3(width=8, depth=1, heads=1, vocab=tokenizer.size, context=512, band=None)
        lm = LanguageModel(build(small), tokenizer)
    else:
        loaded = load(setup.real, device=setup.device)
        assert loaded.tokenizer is not None, "the asset has a tokenizer"
        lm = LanguageModel(loaded.model, loaded.tokenizer)
    with Sandbox(workers=1) as sandbox:
        return real_functions(setup, lm, sandbox, seed)


ARMS = {
    "code": code,
    "English": english,  # the control
    "estimators": estimators,
    "SmolLM2": known,
}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One model and what is made of it, or the estimators of pass@k alone."""
    return ARMS[arm](setup, seed)


def read(setup: Setup, seed: int) -> tuple[Tokenizer, Mixed[Example]]:
    """What the base reads, and then the control: files and modules, half and half.

    Nothing comes twice as long as the files last.
    """
    tokens = (setup.learn.steps + setup.solve.steps) * setup.learn.batch * setup.context
    files = filtered_python(setup.filters, int(1.5 * tokens), seed=seed)
    drawn = setup.task.draw(tokens // 110 + setup.context, rng(seed, "modules"))
    modules = [
        Document(id=f"module {i}", text=each.parts.source, source="practicum", licence="MIT")
        for i, each in enumerate(drawn)
    ]
    seen = [each.text for each in (*files[:200], *modules[:500])]
    tokenizer = train_with_runs(seen, setup.vocab + RUNS)
    sets = [Windows(encode_documents(each, tokenizer), setup.context) for each in (files, modules)]
    return tokenizer, Mixed(sets, setup.learn.batch, mixing=Equal(), seed=seed)


def asked(setup: Setup, seed: int) -> tuple[list[ChainedFunction], list[CodeProblem]]:
    """Functions of phrases and neighbours that were never read, and the problems to write them."""
    functions = [
        function
        for length in setup.lengths
        for function in setup.task.ask(length, setup.asked, rng(seed, "asked", length))
    ]
    problems = [
        function.problem(f"chain/{number}", setup.tests, rng(seed, "tests", number))
        for number, function in enumerate(functions)
    ]
    return functions, problems


def taught(
    setup: Setup, base: DecoderModel, tokenizer: Tokenizer, pairs: Sequence[Asked], seed: int
) -> DecoderModel:
    """A copy of the base that has learned the answers of these pairs."""
    model = copy.deepcopy(base)
    rows = solved(pairs, tokenizer, context=setup.context)
    fit(model, Loader(rows, setup.solve.batch, seed=seed), Solution(), setup.solve, seed=seed)
    return model


def gone_on(setup: Setup, base: DecoderModel, source: Mixed[Example], seed: int) -> DecoderModel:
    """A copy of the base that has read on, for as many steps at the same rate (the control)."""
    model = copy.deepcopy(base)
    fit(model, source, NextToken(), replace(setup.solve, batch=source.batch), seed=seed)
    return model


def speaker(setup: Setup, model: DecoderModel, tokenizer: Tokenizer) -> LanguageModel:
    """The model with its tokenizer, many samples at a time."""
    reach = Reach(rows=setup.rows, tokens=setup.rows * setup.context)
    return LanguageModel(model, tokenizer, reach=reach)


def written(
    setup: Setup,
    lm: LanguageModel,
    problems: Sequence[CodeProblem],
    sandbox: Sandbox,
    seed: int,
    temperatures: tuple[float, ...],
    few: bool = False,
) -> dict[float | None, Group]:
    """Samples of every problem at each temperature, run."""
    manner = Manner(
        samples=setup.few if few else setup.samples,
        temperatures=temperatures,
        max_tokens=setup.answer,
        seed=seed,
    )
    drawn = draw_samples(lm, problems, manner, decode=lm.tokenizer.decode)
    return by_temperature(run_samples(drawn, sandbox))


def passes(group: Sequence[Sequence[Sample]], k: int) -> float:
    """pass@k over the problems."""
    return fmean(pass_at_k(tally(samples), k) for samples in group)


def swept(setup: Setup, sweep: dict[float | None, Group]) -> dict[str, float]:
    """pass@k at each temperature, and the best temperature for the fewest and the most tries."""
    table = {t: {k: passes(sweep[t], k) for k in setup.tries} for t in setup.temperatures}
    for k in setup.tries:
        for t in setup.temperatures:
            events.emit(events.Metric(name=f"T = {t:g}", value=table[t][k], step=k))
        events.emit(events.Metric(name=BEST, value=max(table[t][k] for t in table), step=k))
    cold, *warm = setup.temperatures
    one, many = setup.tries[0], setup.tries[-1]
    keep_text("samples.txt", "\n".join(map(shown, sweep[cold])))
    return {
        **{f"pass_{k}_at_{t:g}": table[t][k] for t in table for k in (one, many)},
        "best_of_one": max(table, key=lambda t: table[t][one]),
        "best_of_many": max(table, key=lambda t: table[t][many]),
        "warmer": max(table[t][many] for t in warm) - table[cold][many],
    }


def shown(samples: Sequence[Sample]) -> str:
    """The first sample of a problem, and how many pass."""
    first, right = samples[0], sum(sample.passed for sample in samples)
    return f"{first.problem.prompt}{first.completion}\n# {right} of {len(samples)} pass\n"


def rates(
    setup: Setup, functions: Sequence[ChainedFunction], groups: dict[str, Group]
) -> dict[str, float]:
    """pass@1 and pass@n of each model, and pass@1 by the number of changes in a chain."""
    numbers: dict[str, float] = {}
    for name, group in groups.items():
        numbers |= {f"{name}_1": passes(group, 1), f"{name}_n": passes(group, setup.samples)}
        for length in setup.lengths:
            rows = zip(functions, group, strict=True)
            share = passes([each for f, each in rows if len(f.lines) == length], 1)
            numbers[f"{name}_chain_{length}"] = share
            events.emit(events.Metric(name=MODELS[name], value=share, step=length))
    return numbers


def choices(setup: Setup, groups: dict[str, Group], explainer: LanguageModel) -> dict[str, float]:
    """What one sample is worth that was chosen without tests, and by which heuristic (§3.3)."""
    numbers: dict[str, float] = {}
    for k in setup.tries:
        for name, value in ranked(groups["base"], k, CHOICES).items():
            events.emit(events.Metric(name=CURVES[name], value=value, step=k))
    for model in ("base", "solver"):
        found = ranked(groups[model], setup.tries[-1], CHOICES)
        numbers |= {f"{model}_by_{name}": value for name, value in found.items()}
    by_words = {"words": back_translation(explainer)}
    numbers["base_by_words"] = ranked(groups["base"], setup.tries[-1], by_words)["words"]
    return numbers


def explained(
    setup: Setup, lm: LanguageModel, functions: Sequence[ChainedFunction], seed: int
) -> float:
    """The share of docstrings, written from right code, that name its changes exactly (§5)."""
    prompts = [f.parts.words_from_code.prompt for f in functions]
    right: list[bool] = []
    for number in range(setup.few):
        drawn = Sampling(
            temperature=0.8, top_p=0.95, max_tokens=setup.answer, seed=derive(seed, "words", number)
        )
        answers = zip(functions, texts(lm, prompts, drawn), strict=True)
        right += [named(text) == tuple(b.name for b in f.blocks) for f, text in answers]
    return fmean(right)


def real_functions(
    setup: Setup, lm: LanguageModel, sandbox: Sandbox, seed: int
) -> dict[str, float]:
    """Of the standard library's functions with doctests: the share of bodies that pass them."""
    room = lm.context - setup.answer // 3
    found = public_functions(setup)[: setup.doctests]
    fitting = [problem for problem in found if len(lm.encode_prompt(problem.prompt)) <= room]
    problems = discriminating(fitting, sandbox)
    if not problems:
        return {"real_functions": 0}
    (group,) = written(
        setup, lm, problems, sandbox, seed, (min(setup.temperatures),), few=True
    ).values()
    return {"real_functions": len(problems), "real_1": passes(group, 1)}


def public_functions(setup: Setup) -> list[CodeProblem]:
    """The problems of functions without a leading underscore, shortest first, three of a module."""
    every = [problem for package in setup.packages for problem in candidates(package)]
    found: dict[str, list[CodeProblem]] = {}
    for problem in sorted(every, key=lambda one: len(one.prompt)):
        if "._" not in problem.task_id:
            found.setdefault(problem.task_id.rpartition(".")[0], []).append(problem)
    chosen = [problem for problems in found.values() for problem in problems[:3]]
    return sorted(chosen, key=lambda one: len(one.prompt))


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """Draws of this name."""
    return np.random.default_rng(derive(seed, *names))


BEST = "the best"
CURVES = {
    "random": "at random",
    "mean": "highest mean log-probability",
    "sum": "highest log-probability",
    "oracle": "by the tests",
}


def temperature_by_tries(rows: Rows) -> Picture:
    """pass@k over k at every temperature, and the best of them (§3.3)."""
    names = [f"T = {t:g}" for t in rows.origin.setup["temperatures"]]
    title = "Likely programs for one try, different ones for many"
    return curves(only_code(rows), [*names, BEST], title=title, y="pass@k", x="k", log_x=True)


def choosing_by_samples(rows: Rows) -> Picture:
    """What the chosen one of k samples is worth (§3.3)."""
    title = "One program handed in, chosen of k without tests"
    y = "share of problems solved"
    return curves(only_code(rows), tuple(CURVES.values()), title=title, y=y, x="k", log_x=True)


def pass_rate_by_length(rows: Rows) -> Picture:
    """pass@1 over the number of chained changes (App. C)."""
    title, y = "Chained changes of a string", "pass@1"
    names = tuple(MODELS.values())
    found = [value for n in names for line in rows.curves("code", n) for _, value in line]
    return curves(only_code(rows), names, title=title, y=y, x="changes", log_y=any(found))


def errors_by_chance(rows: Rows) -> Picture:
    """The mean error of both estimates over the chance that a sample is right."""
    title = "Two estimates of pass@5 from ten samples"
    drawn = replace(rows, arms=("estimators",))
    return curves(drawn, ("unbiased", "plug-in"), title=title, y="error", x="chance, %")


def only_code(rows: Rows) -> Rows:
    """The rows of the arm that has these curves."""
    return replace(rows, arms=("code",))


def gain(r: Results) -> float:
    """What learning solutions adds to the better of base and control."""
    return r.code.solver_1 - max(r.code.base_1, r.code.control_1)


def decay(r: Results) -> float:
    """How many times as often one change is done right as two; at least so, if two never are."""
    return r.code.base_chain_1 / max(r.code.base_chain_2, FEWEST)


FEWEST = 1e-3  # below one of the samples of chains of two
CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("SmolLM2",),
    presets={
        "smoke": replace(
            CPU,
            width=16,
            depth=1,
            heads=2,
            vocab=300,
            learn=Budget(steps=4, batch=2, rate=6e-3),
            drawn=12,
            solve=Budget(steps=2, batch=2, rate=2e-3),
            english=("topics",),
            counted=10_000,
            gpt=None,
            asked=2,
            samples=2,
            few=1,
            temperatures=(0.2, 1.0),
            compared=1.0,
            tries=(1, 2),
            answer=12,
            doctests=1,
            packages=("statistics",),
            real=None,
            draws=100,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            width=768,
            depth=12,
            heads=12,
            vocab=16_384,
            context=512,
            learn=Budget(steps=2000, batch=32, rate=6e-4, precision="auto"),
            drawn=20_000,
            solve=Budget(steps=400, batch=32, rate=6e-5, precision="auto"),
            lengths=(1, 2, 3, 4, 5),
            asked=30,
            samples=200,
            few=10,
            temperatures=(0.2, 0.4, 0.6, 0.8, 1.0),
            compared=0.8,
            tries=(1, 2, 5, 10, 20, 50, 100, 200),
            answer=300,
            doctests=70,
            rows=1024,
            device="cuda",
        ),
    },
    seeds={"smoke": 1, "cpu": 4, "gpu": 3},
    validity=(
        Validity(
            "the base solves a fifth of the problems of one change, or nothing can be compared",
            value=lambda r: r.code.base_chain_1,
            at_least=0.2,
        ),
    ),
    claims=(
        Claim(
            "the best temperature for the most tries is not below the best for one",
            value=lambda r: r.code.best_of_many - r.code.best_of_one,
            at_least=0,
            source="§3.3: 0.2 for one try and 0.8 for a hundred (679M)",
        ),
        Claim(
            "with the most tries a warmer model solves more than at 0.2",
            value=lambda r: r.code.warmer,
            above=0,
            source="§3.3",
        ),
        Claim(
            "the sample of highest mean log-probability beats a random one by 3 points",
            value=lambda r: r.code.base_by_mean - r.code.base_by_random,
            at_least=0.03,
            source="§3.3; for Codex-S 11.6 points (§4); the margin is ours",
        ),
        Claim(
            "learning solutions beats the base, and as many steps more of it, by 5 points",
            value=gain,
            at_least=0.05,
            source="§4: 6.5 points at pass@1, the mean over sizes; the margin is ours",
        ),
        Claim(
            "one change is done right 1.5 times as often as two chained",
            value=decay,
            at_least=1.5,
            source="App. C: a factor of 2 to 3 for each block; the margin is ours",
        ),
        Claim(
            "a GPT of English alone solves less than 2 % (control)",
            value=lambda r: r.English.pass_1,
            below=0.02,
            source="§1: GPT models that were not trained on code solve next to none",
        ),
        Claim(
            "tokens for runs of spaces save GPT's tokenizer a quarter of the tokens of Python",
            value=lambda r: r.English.spared,
            at_least=0.25,
            source="§3.2: about 30 %; the margin is ours",
        ),
        Claim(
            "the estimate of pass@5 from ten samples is right to 0.005 over ten thousand draws",
            value=lambda r: abs(r.estimators.unbiased),
            below=0.005,
            source="§2.1, App. A",
        ),
        Claim(
            "the plug-in estimate is low by more than 0.02 (control)",
            value=lambda r: -r.estimators.plug_in,
            above=0.02,
            source="§2.1, App. A; the margin is ours",
        ),
    ),
    plots=(temperature_by_tries, choosing_by_samples, pass_rate_by_length, errors_by_chance),
)
