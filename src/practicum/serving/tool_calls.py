"""Calls of tools in what a model writes: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

This is the form of Hermes and Qwen and of the many models that follow them. A model whose template
shows tools in another form writes its calls as text, and text they stay.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any, NoReturn

from practicum.serving.openai_answers import FunctionCall, MadeCall
from practicum.tokenizers.chat import ChatTemplate

OPENS, CLOSES = "<tool_call>", "</tool_call>"


def writes_calls(template: ChatTemplate | None) -> bool:
    """Whether models of this template write calls in the form that is read here."""
    return template is not None and OPENS in template.source


@dataclass
class CallReader:
    """Text goes in as it is written; what is text and what is a call comes out.

    What might be the beginning of a call waits. What turns out to be none comes out as text. White
    space alone before a call, between two, or after the last is no text.
    """

    made: int = 0  # calls so far
    _waiting: str = ""
    _blank: str = ""  # white space that comes out with what comes next, unless that is a call
    _spoken: bool = False  # whether text has come out since the last call

    def push(self, text: str) -> tuple[str, list[MadeCall]]:
        """The text that is certain now, and the calls that are whole."""
        self._waiting += text
        said: list[str] = []
        calls: list[MadeCall] = []
        while True:
            before, opens, rest = self._waiting.partition(OPENS)
            if not opens:
                kept = _overlap(before)
                said.append(self._text(before[: len(before) - kept]))
                self._waiting = before[len(before) - kept :]
                break
            said.append(self._text(before))
            inside, closes, after = rest.partition(CLOSES)
            if not closes:
                self._waiting = opens + rest
                break
            self._waiting = after
            call = _call(inside)
            if call is None:
                said.append(self._text(opens + inside + closes))
            else:
                calls.append(call.model_copy(update={"index": self.made}))
                self.made += 1
                self._blank, self._spoken = "", False
        return "".join(said), calls

    def finish(self) -> str:
        """What still waited: it is no call, since it was not closed."""
        rest, self._waiting = self._text(self._waiting), ""
        return rest or ("" if self.made else self._blank)

    def _text(self, text: str) -> str:
        """`text` with the white space before it, once it is more than that."""
        if not self._spoken:
            self._blank += text
            if not self._blank.strip():
                return ""
            text, self._blank, self._spoken = self._blank, "", True
        return text


def _overlap(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of a call."""
    return next((n for n in range(len(OPENS) - 1, 0, -1) if text.endswith(OPENS[:n])), 0)


def _call(inside: str) -> MadeCall | None:
    try:
        data = json.loads(inside, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return None
    arguments = data.get("arguments", data.get("parameters", {}))
    if not isinstance(arguments, str):
        arguments = _json(arguments)
    if not _is_whole(data["name"] + arguments):
        return None
    return MadeCall(
        id=f"call_{uuid.uuid4().hex[:24]}",
        function=FunctionCall(name=data["name"], arguments=arguments),
    )


def _no_json(constant: str) -> NoReturn:
    """NaN and the infinities, which Python's reader takes and no other does."""
    raise ValueError(f"{constant} is no JSON")


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_whole(text) else json.dumps(value)  # half of a pair stays an escape


def _is_whole(text: str) -> bool:
    """Whether it holds no half of a surrogate pair, which UTF-8 cannot express."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
