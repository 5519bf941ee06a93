"""A conversation as the text a chat model was trained on: Jinja templates, as models ship them.

Templates come from strangers, so they run in a sandbox that can neither change what it is given
nor reach the interpreter. They see `messages`, `add_generation_prompt`, `bos_token`, `eos_token`,
and the functions that Hugging Face's renderer gives them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypedDict

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from practicum.errors import TokenizerError


class Message(TypedDict):
    """One turn: who speaks (usually system, user or assistant) and what is said."""

    role: str
    content: str


class ChatTemplate:
    """A compiled template. Raises TokenizerError where it is not Jinja, with the line."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        self.source = source
        self.bos = bos
        self.eos = eos
        try:
            self._template = _environment().from_string(source)
        except TemplateSyntaxError as problem:
            raise TokenizerError(
                f"the chat template is not valid Jinja (line {problem.lineno}): {problem.message}"
            ) from problem

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
        """The text of `messages`, with the start of the assistant's answer unless told otherwise.

        Raises TokenizerError when the template refuses the messages or does what it may not.
        """
        try:
            return self._template.render(
                messages=messages,
                add_generation_prompt=add_generation_prompt,
                bos_token=self.bos,
                eos_token=self.eos,
            )
        except Exception as problem:  # a template is a stranger's program: it can fail in any way
            reason = " ".join(str(problem).split()) or type(problem).__name__
            raise TokenizerError(
                f"the chat template fails on these messages: {reason}"
            ) from problem

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.source, self.bos, self.eos)


def takes_tools(template: ChatTemplate) -> bool:
    """Whether the template shows a model the tools that it may call."""
    from jinja2.meta import find_undeclared_variables

    return "tools" in find_undeclared_variables(_environment().parse(template.source))


def render_with_tools(
    template: ChatTemplate,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> str:
    """As `render`, with `tools` in OpenAI's form, and with messages that call them or answer.

    Such messages have `tool_calls` (each with its arguments as a mapping), or `tool_call_id`. A
    template sees no tools as None. The conversation ends with the start of the answer.
    """
    try:
        return template._template.render(
            messages=messages,
            tools=list(tools) or None,
            add_generation_prompt=True,
            bos_token=template.bos,
            eos_token=template.eos,
        )
    except Exception as problem:  # as in `render`
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise TokenizerError(f"the chat template fails on these messages: {reason}") from problem


def _restore(source: str, bos: str, eos: str) -> ChatTemplate:
    return ChatTemplate(source, bos=bos, eos=eos)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json  # Jinja's own escapes for HTML
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
