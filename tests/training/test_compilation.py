"""A stack goes through torch's compiler in one piece: no graph break, and no table made anew."""

import subprocess
import sys

import pytest

# in a process of its own: the compiler cannot follow the checks of types that tests add
CODE = """
import torch
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.nn.state import Whole
from practicum.seeding import stream
from practicum.training.compilation import compile_parts

shape = {"width": 32, "depth": 2, "heads": 4, "vocab": 50, "context": 64}
for description in (gpt2(**shape), llama(**shape, kv_heads=2, hidden=48)):
    model, graphs = build(description).train(), []
    compile_parts(model)

    def kept(graph, _):
        graphs.append(graph)
        return graph.forward

    x = torch.randn(2, 16, 32, generator=stream(0, "x"))
    compiled = torch.compile(model.stack.forward, backend=kept, fullgraph=True)
    torch.testing.assert_close(compiled(x, Whole()), model.stack.forward(x, Whole()))
    (graph,) = graphs
    assert not [node for node in graph.graph.nodes if "cos" in str(node.target)]
    torch.compiler.reset()
"""


@pytest.mark.slow(reason="imports torch's compiler, in a process of its own")
def test_a_stack_is_one_graph_of_the_same_numbers():
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
