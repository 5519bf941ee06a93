"""What a client is told when something goes wrong: OpenAI's shape of an error, and its status.

{"error": {"message": …, "type": …, "param": …, "code": …}}
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from practicum.errors import Busy, GivenUp, ModelError, PracticumError


class ErrorBody(BaseModel):
    """What went wrong, for a person (`message`) and for a program (`code`)."""

    message: str
    type: str
    param: str | None = None  # the field of the request that is at fault
    code: str | None = None


class ErrorAnswer(BaseModel):
    """The whole body of an answer that is an error."""

    error: ErrorBody


MEANINGS = {
    400: "The request is not one that can be answered; the message says why.",
    401: "The API key is missing or unknown.",
    403: "The request names a host that this server does not answer for.",
    404: "There is no such model, or no such route.",
    405: "The route has no such method.",
    408: "The request did not arrive in time.",
    413: "The request is larger than this server reads.",
    429: "Too many requests or tokens, or too many wait already; Retry-After says when.",
    500: "A fault of the server.",
    503: "The server cannot answer now.",
    504: "The answer was not finished in the time it was given.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, as FastAPI's `responses` takes them."""
    return {status: {"model": ErrorAnswer, "description": MEANINGS[status]} for status in statuses}


class Refusal(PracticumError):
    """An error with the status and the code that a client acts on."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,  # seconds
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers: dict[str, str] = {}
        if retry_after is not None:
            self.headers["retry-after"] = str(max(1, math.ceil(retry_after)))
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"

    @property
    def body(self) -> ErrorAnswer:
        """What the client reads."""
        kind = "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        elif self.status >= 500:
            kind = "server_error"
        # half of a surrogate pair, which JSON can carry and UTF-8 cannot, may be quoted
        message = self.message.encode("utf-8", "backslashreplace").decode()
        param = self.param and self.param.encode("utf-8", "backslashreplace").decode()
        return ErrorAnswer(error=ErrorBody(message=message, type=kind, param=param, code=self.code))

    def response(self) -> JSONResponse:
        """The answer that says so."""
        return JSONResponse(self.body.model_dump(), status_code=self.status, headers=self.headers)


def refusal_of(problem: Exception) -> Refusal:
    """What is told of `problem`; of what nobody foresaw, nothing but that it happened."""
    match problem:
        case Refusal():
            return problem
        case Busy():
            return Refusal(
                429, str(problem), code="engine_overloaded", retry_after=problem.retry_after
            )
        case GivenUp():
            return Refusal(504, str(problem), code="timeout")
        case ModelError():  # of the engine: prompts are looked at before it is asked
            return Refusal(503, str(problem), code="engine_unavailable", retry_after=5)
        case PracticumError():
            return Refusal(400, str(problem), code="invalid_value")
    return Refusal(500, "the server failed on this request; its log says how", code="internal")


def refusal_of_fields(problems: Sequence[Mapping[str, Any]]) -> Refusal:
    """What is told of a body that does not fit, from pydantic's list of what is wrong with it."""
    first = problems[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "")
        place = first["loc"][-1]
        return Refusal(400, f"the body is not JSON: {reason} (at character {place})")
    where = _field(first["loc"])
    same = [p for p in problems if f"{_field(p['loc'])}.".startswith(f"{where}.")]
    if first["type"] == "extra_forbidden":
        *above, name = first["loc"]  # a name that a client chose, whatever it looks like
        where = ".".join(filter(None, (_field(above), str(name)[:200])))
        return Refusal(400, f"unknown field '{where}'", code="unknown_parameter", param=where)
    if first["type"] == "missing" and not where:
        return Refusal(400, "a JSON body is needed, with content-type application/json")
    if first["type"] == "model_attributes_type" and not where:
        return Refusal(400, "the body must be a JSON object, with content-type application/json")
    reasons = list(dict.fromkeys(_reason(problem) for problem in same))[:4]
    said = "; or ".join(reasons)
    message = f"{where}: {said}" if where else said
    return Refusal(400, message, code="invalid_value", param=where or None)


def _field(loc: Sequence[str | int]) -> str:
    """`messages.0.role`; what pydantic calls the members of a union is left out."""
    parts = [str(part)[:200] for part in loc if not _is_kind(str(part))]
    return ".".join(parts)


def _is_kind(part: str) -> bool:
    kind = part in ("body", "query", "path", "str", "int", "float", "bool", "none")
    made = part.startswith(("function-", "constrained-"))
    return kind or made or "[" in part or part[:1].isupper()


def _reason(problem: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:300]
