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
for as many steps and half as many tokens again. A reverse model learns docstrings from code (§5),
and a GPT of English alone is asked the same. The shapes are GPT-3's, as in the paper. Real
functions of the standard library with their doctests are asked of the base, which may have read
them, and of SmolLM2.

Half of what is read are such modules. With an eighth, in a million tokens, a pilot solved one in
ten of the problems of one change, and none of two: too little to compare anything by. Models and
ways of choosing are compared at temperature 0.8. There a random sample is worth less than one at
0.2, and the chosen one, in pilots, about as much.
"""

from dataclasses import dataclass, replace
from statistics import fmean

from practicum.data.chained_blocks import ChainedBlocks
from practicum.data.chained_corpus import ChainedCorpus, Posed
from practicum.data.code_filters import FileFilters
from practicum.data.excerpts import excerpt
from practicum.data.fetch import ensure
from practicum.data.filtered_python import filtered_python
from practicum.data.loader import Loader
from practicum.data.mixing import Equal, Mixed
from practicum.data.packing import Example, Windows
from practicum.data.public_functions import public_functions
from practicum.data.shards import encode_documents
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.decoding.speaker import speaker
from practicum.errors import ConfigError
from practicum.evaluation.code_ranking import LIKELIHOODS, back_translation, ranked
from practicum.evaluation.code_runs import Manner, Sample, mean_pass, pass_by_kind, shown, written
from practicum.evaluation.estimate_errors import estimate_errors
from practicum.evaluation.explained import explained
from practicum.evaluation.real_functions import real_functions
from practicum.evaluation.temperature_sweep import best, swept
from practicum.lab.kept import keep_text
from practicum.lab.kept_curve import keep_curve
from practicum.lab.paper import Claim, Paper, Picture, Validity
from practicum.lab.plots import curves
from practicum.lab.rows import Rows
from practicum.models.build import build, parameters_of
from practicum.models.decoder import Decoder
from practicum.models.families.gpt3 import gpt3
from practicum.objectives.next_token import NextToken
from practicum.symbolic.sandbox import Sandbox
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.gpt2_files import load_gpt2_files
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.whitespace_runs import LONGEST, saving, train_with_runs, with_runs
from practicum.training.budget import Budget
from practicum.training.further import further, taught
from practicum.training.loop import Watch, fit

RUNS = LONGEST - 1  # tokens for runs of spaces, beside those of the vocabulary


def network(width: int, depth: int, heads: int, vocab: int, context: int) -> Decoder:
    """A small GPT-3 whose layers are all dense, with ids for runs of spaces behind `vocab`."""
    size, std = vocab + RUNS, width**-0.5  # as 0.02 is for the paper's widths
    return gpt3(
        width=width, depth=depth, heads=heads, vocab=size, context=context, band=None, std=std
    )


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network, what it reads, and what it is asked; tried on other seeds."""

    model: Decoder = network(width=64, depth=3, heads=4, vocab=1024, context=192)
    filters: FileFilters = FileFilters()
    chains: ChainedCorpus = ChainedCorpus(
        learned=ChainedBlocks(lengths=(0.5, 0.5)), drawn=3000, lengths=(1, 2, 3), asked=20, tests=8
    )
    learn: Budget = Budget(steps=720, batch=6, rate=6e-3)
    solve: Budget = Budget(steps=150, batch=12, rate=2e-3)  # a function has some 64 tokens
    english: tuple[str, ...] = ("kjv", "web")
    english_share: float = 0.2  # of the base's steps
    counted: int = 300_000  # bytes of Python whose tokens are counted with and without runs
    gpt: str | None = "gpt2-vocabulary"  # to be given tokens for runs; None: that of English
    # 0.2 and 0.8 are the paper's best for one try and for a hundred (§3.3)
    manner: Manner = Manner(samples=20, temperatures=(0.2, 0.5, 0.8), max_tokens=90)
    few: int = 3  # samples where next to nothing passes, and docstrings for each problem
    compared: float = 0.8  # where models and ways of choosing are compared
    tries: tuple[int, ...] = (1, 2, 5, 10, 20)
    doctests: int = 12  # real functions, public ones with the shortest prompts
    packages: tuple[str, ...] = ("",)  # whose functions these are; "": the standard library
    real: str | None = "smollm2"  # as `models.load` names it; None: a tiny untrained one
    draws: int = 10_000
    reach: Reach = Reach(rows=128, tokens=128 * 192)  # of sampling
    device: str = "cpu"

    def __post_init__(self) -> None:
        if len(self.manner.temperatures) < 2 or self.compared not in self.manner.temperatures:
            raise ConfigError(
                f"compared at temperature {self.compared}, with {self.manner.temperatures} to draw "
                "at; expected one of several"
            )
        if not self.tries or max(self.tries) > self.manner.samples:
            raise ConfigError(
                f"tries are {self.tries} with {self.manner.samples} samples of a problem; expected "
                "some, none above that"
            )

    @property
    def cold(self) -> Manner:
        """A few samples at the lowest temperature."""
        return self.manner.at(min(self.manner.temperatures), samples=self.few)


Groups = dict[str, list[list[Sample]]]  # of each model, the samples of every problem
MODELS = {"base": "Codex", "solver": "Codex-S", "control": "Codex, as many steps more"}
CHOICES = {
    "random": "at random",
    "mean": "highest mean log-probability",
    "sum": "highest log-probability",
    "oracle": "by the tests",
}


def code(setup: Setup, seed: int) -> dict[str, float]:
    """The base, the supervised model, its control and the reverse model, on the same problems."""
    tokenizer, source = read(setup, seed)
    base = build(setup.model, seed=seed, device=setup.device)
    loss = fit(base, source, NextToken(), setup.learn, seed=seed, watch=Watch(name="Codex")).loss
    asked, manner = setup.chains.posed(seed=seed), replace(setup.manner, seed=seed)
    problems, functions = [one.problem for one in asked], [one.function for one in asked]
    with Sandbox(workers=1) as sandbox:
        good = [each.parts for each in setup.chains.curated(sandbox, seed=seed)]
        pairs, more = [p.code_from_words for p in good], replace(setup.solve, batch=source.batch)
        models = {
            "solver": taught(base, tokenizer, pairs, setup.solve, seed=seed),
            "control": further(base, source, NextToken(), more, seed=seed),
        }
        coder, at = LanguageModel(base, tokenizer, reach=setup.reach), setup.compared
        samples = written(coder, problems, manner, sandbox)
        groups = {"base": samples[at]}
        for name, model in models.items():
            lm = LanguageModel(model, tokenizer, reach=setup.reach)
            groups[name] = written(lm, problems, manner.at(at), sandbox)[at]
        real = doctests(setup, coder, sandbox, seed)
    pairs = [p.words_from_code for p in good]
    reverse = taught(base, tokenizer, pairs, setup.solve, seed=seed)
    explainer = LanguageModel(reverse, tokenizer, reach=setup.reach)
    drawn = Sampling(temperature=0.8, top_p=0.95, max_tokens=setup.manner.max_tokens, seed=seed)
    return {
        "loss": loss,
        "parameters": parameters_of(setup.model),
        "curated": len(good) / setup.chains.drawn,
        **by_tries(setup, samples),
        **by_length(setup, asked, groups),
        **by_choice(setup, groups, explainer),
        "explained": explained(explainer, functions, drawn, times=setup.few),
        **real,
    }


def english(setup: Setup, seed: int) -> dict[str, float]:
    """A GPT that has read no code, and the share of tokens that those for runs of spaces save."""
    budget = replace(setup.learn, steps=max(1, round(setup.learn.steps * setup.english_share)))
    size = 4 * budget.steps * budget.batch * setup.model.context
    documents = list(excerpt(setup.english, size, seed=seed))
    plain = train_bpe([each.text for each in documents], setup.model.vocab - RUNS)
    tokenizer, model = with_runs(plain), build(setup.model, seed=seed, device=setup.device)
    windows = Windows(encode_documents(documents, tokenizer), setup.model.context)
    source, watch = Loader(windows, budget.batch, seed=seed), Watch(name="English")
    loss = fit(model, source, NextToken(), budget, seed=seed, watch=watch).loss
    problems = [one.problem for one in setup.chains.posed(seed=seed)]
    lm = LanguageModel(model, tokenizer, reach=setup.reach)
    with Sandbox(workers=1) as sandbox:
        (group,) = written(lm, problems, replace(setup.cold, seed=seed), sandbox).values()
    if setup.gpt is not None:
        files = ensure(setup.gpt)
        plain = load_gpt2_files(files / "encoder.json", files / "vocab.bpe")
    sample = [each.text for each in filtered_python(setup.filters, setup.counted, seed=seed)]
    spared = saving(sample, plain, with_runs(plain)).share
    return {"loss": loss, "pass_1": mean_pass(group, 1), "spared": spared}


def estimators(setup: Setup, seed: int) -> dict[str, float]:
    """How far pass@5 from 10 samples is off in the mean over chances of 5, 10 … 95 %.

    Of the unbiased estimate the size of the error counts, so that none makes up for another.
    """
    chances = [percent / 100 for percent in range(5, 100, 5)]
    errors = estimate_errors(chances, samples=10, k=5, draws=setup.draws, seed=seed)
    keep_curve("unbiased", {round(100 * each.chance): each.unbiased for each in errors})
    keep_curve("plug-in", {round(100 * each.chance): each.plug_in for each in errors})
    return {
        "unbiased": fmean(abs(each.unbiased) for each in errors),
        "plug_in": fmean(each.plug_in for each in errors),
    }


def known(setup: Setup, seed: int) -> dict[str, float]:
    """What a model of real text makes of real functions."""
    with Sandbox(workers=1) as sandbox:
        return doctests(setup, speaker(setup.real, device=setup.device), sandbox, seed)


ARMS = {"code": code, "English": english, "estimators": estimators, "SmolLM2": known}


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    """One model and what is made of it, or the estimators of pass@k alone."""
    return ARMS[arm](setup, seed)


def read(setup: Setup, seed: int) -> tuple[Tokenizer, Mixed[Example]]:
    """What the base reads, and then the control: files and modules, half and half.

    Nothing comes twice as long as the files last.
    """
    context, batch = setup.model.context, setup.learn.batch
    tokens = (setup.learn.steps + setup.solve.steps) * batch * context
    files = filtered_python(setup.filters, int(1.5 * tokens), seed=seed)
    modules = setup.chains.modules(tokens // 110 + context, seed=seed)
    seen = [each.text for each in (*files[:200], *modules[:500])]
    tokenizer = train_with_runs(seen, setup.model.vocab)
    sets = [Windows(encode_documents(each, tokenizer), context) for each in (files, modules)]
    return tokenizer, Mixed(sets, batch, mixing=Equal(), seed=seed)


def doctests(setup: Setup, lm: LanguageModel, sandbox: Sandbox, seed: int) -> dict[str, float]:
    """Of real functions, three of a module at most: the share of bodies that pass."""
    problems = public_functions(setup.packages, of_each=3)[: setup.doctests]
    manner = replace(setup.cold, seed=seed, open_end=True)  # tokenizers join the indentation
    group = real_functions(lm, problems, manner, sandbox)
    return {"real_functions": len(group), **({"real_1": mean_pass(group, 1)} if group else {})}


def by_tries(setup: Setup, samples: dict[float, list[list[Sample]]]) -> dict[str, float]:
    """pass@k at each temperature, and the best temperature for the fewest and the most tries."""
    sweep, one, many = swept(samples, setup.tries), setup.tries[0], setup.tries[-1]
    table = {t: {k: rate.mean for k, rate in rates.items()} for t, rates in sweep.items()}
    for t, line in table.items():
        keep_curve(f"T = {t:g}", line)
    keep_curve("the best", {k: table[best(sweep, k)][k] for k in setup.tries})
    coldest, *warm = sorted(table)
    keep_text("samples.txt", "\n".join(map(shown, samples[coldest])))
    return {
        **{f"pass_{k}_at_{t:g}": line[k] for t, line in table.items() for k in (one, many)},
        "best_of_one": best(sweep, one),
        "best_of_many": best(sweep, many),
        "warmer": max(table[t][many] for t in warm) - table[coldest][many],
    }


def by_length(setup: Setup, asked: list[Posed], groups: Groups) -> dict[str, float]:
    """pass@1 and pass@n of each model, and pass@1 by the number of changes in a chain."""
    lengths, numbers = [one.length for one in asked], dict[str, float]()
    for name, group in groups.items():
        numbers[f"{name}_1"] = mean_pass(group, 1)
        numbers[f"{name}_n"] = mean_pass(group, setup.manner.samples)
        shares = pass_by_kind(lengths, group, 1)
        keep_curve(MODELS[name], shares)
        numbers |= {f"{name}_chain_{length}": share for length, share in shares.items()}
    return numbers


def by_choice(setup: Setup, groups: Groups, explainer: LanguageModel) -> dict[str, float]:
    """What one sample is worth that was chosen without tests, and by which heuristic (§3.3)."""
    base, most = groups["base"], setup.tries[-1]
    found = {k: ranked(base, k, LIKELIHOODS) for k in setup.tries}
    for name, label in CHOICES.items():
        keep_curve(label, {k: values[name] for k, values in found.items()})
    solver = ranked(groups["solver"], most, LIKELIHOODS)
    return {
        **{f"base_by_{name}": value for name, value in found[most].items()},
        **{f"solver_by_{name}": value for name, value in solver.items()},
        "base_by_words": ranked(base, most, {"words": back_translation(explainer)})["words"],
    }


def temperature_by_tries(rows: Rows) -> Picture:
    """pass@k over k at every temperature, and the best of them (§3.3)."""
    title = "Likely programs for one try, different ones for many"
    kept = rows.run("code", rows.seeds[0]).curves
    names = [*(name for name in kept if name.startswith("T = ")), "the best"]
    return curves(replace(rows, arms=("code",)), names, title=title, y="pass@k", x="k", log_x=True)


def choosing_by_samples(rows: Rows) -> Picture:
    """What the chosen one of k samples is worth (§3.3)."""
    title, y = "One program handed in, chosen of k without tests", "share of problems solved"
    names = tuple(CHOICES.values())
    return curves(replace(rows, arms=("code",)), names, title=title, y=y, x="k", log_x=True)


def pass_rate_by_length(rows: Rows) -> Picture:
    """pass@1 over the number of chained changes (App. C)."""
    rows, names = replace(rows, arms=("code",)), tuple(MODELS.values())
    some = any(share for name in names for line in rows.curves("code", name) for _, share in line)
    title = "Chained changes of a string"
    return curves(rows, names, title=title, y="pass@1", x="changes", log_y=some)


def errors_by_chance(rows: Rows) -> Picture:
    """The mean error of both estimates over the chance that a sample is right."""
    title, names = "Two estimates of pass@5 from ten samples", ("unbiased", "plug-in")
    return curves(replace(rows, arms=("estimators",)), names, title=title, y="error", x="chance, %")


FEWEST = 1e-3  # below one sample of chains of two: what stands in where none is right
CPU = Setup()
PAPER = Paper(
    run=run,
    arms=tuple(ARMS),
    once=("SmolLM2",),
    presets={
        "smoke": replace(
            CPU,
            model=network(width=16, depth=1, heads=2, vocab=300, context=192),
            learn=Budget(steps=4, batch=2, rate=6e-3),
            solve=Budget(steps=2, batch=2, rate=2e-3),
            chains=replace(CPU.chains, drawn=12, asked=2),
            english=("topics",),
            counted=10_000,
            gpt=None,
            manner=Manner(samples=2, temperatures=(0.2, 1.0), max_tokens=12),
            few=1,
            compared=1.0,
            tries=(1, 2),
            doctests=1,
            packages=("statistics",),
            real=None,
            draws=100,
        ),
        "cpu": CPU,
        "gpu": replace(
            CPU,
            model=network(width=768, depth=12, heads=12, vocab=16_384, context=512),
            learn=Budget(steps=2000, batch=32, rate=6e-4, precision="auto"),
            solve=Budget(steps=400, batch=32, rate=6e-5, precision="auto"),
            chains=replace(CPU.chains, drawn=20_000, lengths=(1, 2, 3, 4, 5), asked=30),
            manner=Manner(samples=200, temperatures=(0.2, 0.4, 0.6, 0.8, 1.0), max_tokens=300),
            few=10,
            tries=(1, 2, 5, 10, 20, 50, 100, 200),
            doctests=70,
            reach=Reach(rows=1024, tokens=1024 * 512),
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
            value=lambda r: r.code.solver_1 - max(r.code.base_1, r.code.control_1),
            at_least=0.05,
            source="§4: 6.5 points at pass@1, the mean over sizes; the margin is ours",
        ),
        Claim(
            "one change is done right 1.5 times as often as two chained",
            value=lambda r: r.code.base_chain_1 / max(r.code.base_chain_2, FEWEST),
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
            value=lambda r: r.estimators.unbiased,
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
