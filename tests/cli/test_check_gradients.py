"""`practicum check-gradients`: tables for right and wrong gradients, one line for bad input."""

import json
import subprocess
import sys

import pytest

from practicum.cli.main import run

NUMPY = """
import numpy as np

def loss(w, x):
    return (np.tanh(x @ w) ** 2).sum()

def gradient(w, x):
    t = np.tanh(x @ w)
    d = 2 * t * (1 - t * t)
    return {"w": x.T @ d, "x": np.outer(d, w)}

def wrong(w, x):
    return gradient(w, x) | {"w": -gradient(w, x)["w"]}

def case():
    return loss, gradient, {"w": np.ones(3), "x": np.ones((2, 3))}

in_order = loss, gradient, (np.ones(3), np.ones((2, 3)))
tokens = lambda ids, x: x[ids].sum()
at_nan = lambda: (loss, lambda w, x: {"w": w * np.nan, "x": x}, (np.ones(3), np.ones((2, 3))))
number, nothing = 3, lambda: None

def failing():
    raise LookupError("no data")

class Holder:
    loss = staticmethod(lambda x: x * x)
"""
TORCH = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(5, 3), nn.Linear(3, 2)

    def forward(self, ids):
        return torch.relu(self.out(self.table(ids)))

def product(x, y):
    return (x * y).sum()

def cut(x):
    return (x * x.detach()).sum()

def net():
    return nn.Linear(4, 2)

def case():
    return product, {"x": torch.ones(2), "y": torch.ones(2)}

built = nn.Tanh()
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(NUMPY)
    (tmp_path / "net.py").write_text(TORCH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("mine", "net"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.fixture
def checked(here, capsys):
    """Calls the verb; gives its status, what it prints and its error line."""

    def call(*arguments):
        status = run(["check-gradients", *arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert len(said.err.splitlines()) <= 1, said.err
        return status, said.out, said.err

    return call


RIGHT = {
    "case": ["mine.py:case"],
    "module path": ["mine:case"],
    "tuple": ["mine.py:in_order"],
    "by name": ["mine.py:loss", "--gradient", "gradient", "--input", "w=3", "--input", "x=2,3"],
    "torch case": ["net.py:case"],
    "torch function": ["net.py:product", "--input", "x=2,3", "--input", "y=3"],
    "numbers": ["net.py:product", "--input", "x", "--input", "y"],
    "torch class": ["net.py:Net", "--input", "ids=2,3:5"],
    "torch factory": ["net.py:net", "--input", "input=3,4"],
    "torch instance": ["net.py:built", "--input", "input=3", "--by", "centred"],
    "torch itself": ["torch:tanh", "--input", "input=2"],
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_leave_with_status_0(checked, name):
    status, out, err = checked(*RIGHT[name])
    assert (status, err) == (0, "")
    assert "all gradients are right to" in out


def test_a_wrong_gradient_is_shown_and_leaves_with_status_1(checked):
    arguments = ["--gradient", "wrong", "--input", "w=3", "--input", "x=2,3"]
    status, out, err = checked("mine.py:loss", *arguments)
    assert (status, err) == (1, "")
    assert "worst slopes of w" in out
    assert "the gradient of 'w' is wrong at 3 of 3 entries" in out
    assert checked("net.py:cut", "--input", "x=2")[0] == 1


def test_json_holds_the_whole_report(checked):
    status, out, _ = checked("mine.py:case", "--json", "--most", "2")
    report = json.loads(out)
    assert (status, report["passed"]) == (0, True)
    assert [(t["name"], t["shape"], t["checked"]) for t in report["tensors"]] == [
        ("w", [3], 2),
        ("x", [2, 3], 2),
    ]
    status, out, _ = checked("mine.py:at_nan", "--json")
    worst = json.loads(out)["tensors"][0]
    assert (status, worst["worst"][0]["claimed"]) == (1, None)
    assert worst["problem"] == "holds a number that is not finite"


def test_without_torch_in_the_target_torch_is_not_imported(here):
    code = (
        "import sys; from practicum.cli.main import run; "
        "assert run(['check-gradients', 'mine.py:case']) == 0; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=here)


def test_a_numpy_function_needs_its_gradient(here):
    code = (
        "from practicum.cli.main import run; "
        "import sys; sys.exit(run(['check-gradients', 'mine.py:loss', '--input', 'w=3', "
        "'--input', 'x=2,3']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=here
    )
    assert done.returncode == 2
    assert "its gradient has to be given" in done.stderr


BAD = {
    "no colon": (["mine.py"], "names nothing; expected module:name or file.py:name"),
    "no file": (["theirs.py:case"], "there is no file 'theirs.py'"),
    "no module": (["no.such:case"], "'no.such' cannot be imported: ModuleNotFoundError"),
    "no name": (["mine.py:cse"], "no name in mine.py 'cse'; did you mean case"),
    "broken": (["broken.py:case"], "'broken.py' cannot be imported: SyntaxError"),
    "leaving": (["leaving.py:case"], "cannot be imported: SystemExit: 3 (leaving.py, line 1)"),
    "failing": (["mine.py:failing"], "fails: LookupError: no data (mine.py, line"),
    "a number": (["mine.py:number"], "gives a int; expected (function, inputs)"),
    "nothing": (["mine.py:nothing"], "gives a NoneType; expected"),
    "missing inputs": (["mine.py:loss"], "takes w, x; give shapes, such as --input w=3,4 "),
    "no gradient": (["mine.py:loss", "--gradient", "grad", "--input", "w=3", "--input", "x=2,3"],
                    "no name in mine.py 'grad'; did you mean gradient"),
    "bad shape": (["net.py:product", "--input", "x=2,b"], "--input x=2,b: expected x=3,4, x, or"),
    "empty shape": (["net.py:product", "--input", "x="], "--input x=: expected"),
    "bad bound": (["net.py:Net", "--input", "ids=2:0"], "a bound of at least 1 after the colon"),
    "unfitting": (["mine.py:loss", "--gradient", "wrong", "--input", "w=3", "--input", "x=2,4"],
                  "'mine.py:loss' fails: ValueError"),
    "unknown input": (["net.py:product", "--input", "x", "--input", "y", "--input", "z"],
                      "unexpected keyword argument 'z'"),
    "whole numbers": (["mine.py:tokens", "--gradient", "wrong", "--input", "ids=2:3", "--input",
                       "x=3"], "input 'ids' holds int64, which has no slope"),
    "step": (["mine.py:case", "--step", "0"], "a check needs 0 < h < 1"),
    "way": (["mine.py:case", "--by", "guess"], "'guess' is not one of"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_costs_one_line_and_status_2(here, checked, case):
    (here / "broken.py").write_text("def case(:\n")
    (here / "leaving.py").write_text("raise SystemExit(3)\n")
    arguments, said = BAD[case]
    status, out, err = checked(*arguments)
    assert (status, out) == (2, "")
    assert said in err
