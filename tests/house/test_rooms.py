"""The house stands: rooms in their order, every file importable, nothing where it may not be."""

import ast
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import practicum

ROOT = Path(practicum.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(ROOT)], "practicum."))
# The draws of torch that take a generator, as functions and as methods of a tensor.
DRAWS = {"rand", "randn", "randint", "randperm", "multinomial", "normal", "bernoulli"}
DRAWS_IN_PLACE = {
    "bernoulli_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_",
    "trunc_normal_", "xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_",
    "orthogonal_",
}  # fmt: skip
UNPICKLES = {"torch.load", "pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"}
GLOBAL_STATE = {"torch.manual_seed", "torch.seed", "np.random.seed", "random.seed"}


def name(path):
    return str(path.relative_to(ROOT))


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def test_imports_go_one_way(capsys):
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_and_says_what_it_is(module):
    if module.endswith("__main__") or ".migrations." in module:  # run, not imported
        return
    assert import_module(module).__doc__, f"{module} has no docstring"


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=name)
def test_a_room_holds_its_docstring_and_no_names(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


def test_no_file_is_named_for_nothing():
    nothing = {"utils", "util", "common", "misc", "helpers"}
    assert [name(p) for p in ROOT.rglob("*") if p.stem in nothing] == []


def test_no_file_is_ever_unpickled():
    found = [name(path) for path in FILES for _, called in calls(path) if called in UNPICKLES]
    assert found == ["lab/executor.py"]  # a worker reads what its own parent sends through a pipe


def test_nothing_seeds_global_state():
    found = [
        f"{name(p)}:{node.lineno} {called}"
        for p in FILES
        for node, called in calls(p)
        if called in GLOBAL_STATE and name(p) != "seeding.py"  # which restores what it seeds
    ]
    assert found == []


def test_whoever_draws_names_a_generator():
    found = []
    for path in FILES:
        for node, called in calls(path):
            owner, _, last = called.rpartition(".")
            draws = (owner == "torch" and last in DRAWS) or last in DRAWS_IN_PLACE
            if draws and not any(keyword.arg == "generator" for keyword in node.keywords):
                found.append(f"{name(path)}:{node.lineno} {called}")
            own = last[0].isupper() or last == "default_rng"  # a generator is made, not drawn from
            if owner in ("random", "np.random") and not own:
                found.append(f"{name(path)}:{node.lineno} {called}")
    assert found == []
