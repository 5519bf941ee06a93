"""Programs of models that are made for conversations: asked for in one, and read from the answer.

The problem is shown as a block of code, and the answer is to hold the whole of it. It then follows
the problem and defines the function once more. A body alone is taken as one.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent, indent

from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Chat, Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.sampling import Sampling, for_each
from practicum.errors import ConfigError
from practicum.evaluation.scorer import Scorer

ASKING = "Complete this Python code. Answer with all of it, in one block, and with nothing else."
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCK = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class InChat:
    """A scorer whose model is asked in conversations for what follows code."""

    scorer: Scorer

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """What follows each prompt; stop strings are not heeded, no token's worth is told.

        Raises ConfigError for a prompt that is a conversation already.
        """
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        if len(texts) < len(prompts):
            raise ConfigError("a conversation is given where code is to be completed in one")
        samplings = for_each(sampling, len(prompts))
        free = [replace(one, stop=(), logprobs=None) for one in samplings]
        for completion in self.scorer.generate([asking(text) for text in texts], free):
            text = following(texts[completion.index], completion.text)
            yield replace(completion, text=text)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """As the scorer's, of plain texts."""
        return self.scorer.loglikelihood(pairs)


def asking(code: str) -> Chat:
    """The conversation in which `code` is completed."""
    return [{"role": "user", "content": f"{ASKING}\n\n```python\n{code}\n```"}]


def following(code: str, answer: str) -> str:
    """What a model that was shown `code` lets follow it, line end first."""
    found = BLOCK.search(answer)
    said = answer if found is None else found[1]
    function = _open_function(code)
    if function is None:
        return f"\n{said}"
    if any(isinstance(one, FUNCTIONS) and one.name == function for one in _statements(said)):
        return f"\n    pass\n\n\n{said}"  # which the second definition replaces
    return f"\n{indent(dedent(said), '    ')}"


def _open_function(code: str) -> str | None:
    """The function whose body may go on at the end of `code`; None where none may."""
    last = [None, *_statements(f"{code}\n    pass\n")][-1]
    return last.name if isinstance(last, FUNCTIONS) else None


def _statements(code: str) -> list[ast.stmt]:
    try:
        return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the latter two if it is deep
        return []
