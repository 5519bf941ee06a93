"""The server's routes: OpenAI's, so that its clients work as they are, and two for operators."""

import asyncio
from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from practicum.errors import ConfigError, ModelError
from practicum.serving.answerer import CLOSING, Answerer
from practicum.serving.api_errors import Refusal, documented, refusal_of_fields
from practicum.serving.chat import answer_chat
from practicum.serving.completions import answer_completion
from practicum.serving.embeddings import Desk, MeanOfStates, Sentences, no_model
from practicum.serving.gate import Accounts, Body, Gate
from practicum.serving.http_settings import HttpSettings
from practicum.serving.idle import Idle
from practicum.serving.metrics import TYPE, Metrics
from practicum.serving.openai_answers import (
    ChatAnswer,
    CompletionAnswer,
    EmbeddingAnswer,
    Health,
    ModelCard,
    ModelList,
)
from practicum.serving.openai_requests import ChatRequest, CompletionRequest, EmbeddingRequest
from practicum.serving.prompt_scores import Scores
from practicum.serving.rate_limits import Buckets
from practicum.serving.request_log import record_of
from practicum.serving.served import Served

ASKING = documented(400, 401, 403, 404, 408, 413, 429, 500, 503, 504)
LOOKING = documented(400, 401, 403, 404, 408, 413, 500, 503)
EVENT = {
    "type": "object",
    "description": "One event of the stream: its data is JSON, or [DONE] at the end.",
    "properties": {"data": {"type": "string"}},
    "required": ["data"],
}
STREAM = {200: {"content": {"text/event-stream": {"schema": EVENT}}}}


def application(
    served: Served | None,
    settings: HttpSettings | None = None,
    sentences: Sentences | None = None,
) -> FastAPI:
    """The ASGI application that answers for `served`, whose worker it leaves to its owner.

    `sentences` makes vectors beside it, or alone: then there are no chats and no completions.
    """
    settings = settings or HttpSettings()
    app = FastAPI(
        title="practicum",
        description="Answers by a model, in OpenAI's shapes.",
        docs_url=None,  # the usual pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    worker = Idle() if served is None else served.worker
    metrics = Metrics(lambda: worker.load, lambda: worker.ready)
    _add_models(app, [one for one in (served, sentences) if one is not None])
    if served is not None:
        _add_answers(app, served, settings)
    _add_embeddings(app, served, sentences, settings)
    _add_numbers(app, worker, metrics)
    _add_errors(app)
    requests, tokens = Buckets(settings.requests_per_minute), Buckets(settings.tokens_per_minute)
    app.add_middleware(Body, settings=settings)
    app.add_middleware(Gate, settings=settings, requests=requests, tokens=tokens)
    app.add_middleware(Last)
    app.add_middleware(Accounts, settings=settings, metrics=metrics, tokens=tokens)
    return app


class Last:
    """Lets a request that is cancelled, since the server closes, end with an error that says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            raise ModelError(CLOSING) from None


def _add_models(app: FastAPI, models: Sequence[Served | Sentences]) -> None:
    cards = {model.name: ModelCard(id=model.name, created=model.created) for model in models}
    if len(cards) < len(models):
        raise ConfigError(f"two models are called '{models[0].name}'; give one another name")

    @app.get("/v1/models", responses=LOOKING)
    async def list_models() -> ModelList:
        """What can be asked."""
        return ModelList(data=list(cards.values()))

    @app.get("/v1/models/{name:path}", responses=LOOKING)
    async def one_model(name: str) -> ModelCard:
        """One of them."""
        if name not in cards:
            raise no_model(name, cards)
        return cards[name]


def _add_answers(app: FastAPI, served: Served, settings: HttpSettings) -> None:
    scores = Scores(served.worker, settings.answer_seconds)

    @app.post("/v1/completions", response_model=CompletionAnswer, responses=ASKING | STREAM)
    async def completions(asked: CompletionRequest, request: Request) -> Response:
        """Texts that follow prompts."""
        return await answer_completion(served, settings, scores, asked, request)

    @app.post("/v1/chat/completions", response_model=ChatAnswer, responses=ASKING | STREAM)
    async def chat(asked: ChatRequest, request: Request) -> Response:
        """What the model says next in a conversation."""
        return await answer_chat(served, settings, asked, request)


def _add_embeddings(
    app: FastAPI, served: Served | None, sentences: Sentences | None, settings: HttpSettings
) -> None:
    means = None if served is None else MeanOfStates(served=served)
    desk = Desk([one for one in (means, sentences) if one is not None], settings)

    @app.post("/v1/embeddings", response_model=EmbeddingAnswer, responses=ASKING)
    async def embeddings(asked: EmbeddingRequest, request: Request) -> Response:
        """A vector for each text."""
        return await desk.answer(asked, request)


def _add_numbers(app: FastAPI, worker: Answerer | Idle, metrics: Metrics) -> None:
    stopped = {"model": Health, "description": "Questions are not answered."}

    @app.get("/health", responses=documented(400, 403, 408, 413, 500) | {503: stopped})
    async def health(response: Response) -> Health:
        """Whether questions are answered, and if not, why."""
        problem = worker.problem
        ready, replicas = worker.ready or (None, None)
        if problem is None:
            return Health(status="ok", replicas=replicas, ready=ready)
        response.status_code = 503
        return Health(status="stopped", reason=str(problem), replicas=replicas, ready=ready)

    @app.get(
        "/metrics",
        response_class=Response,
        responses=LOOKING | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def numbers() -> Response:
        """Numbers for Prometheus."""
        return Response(metrics.text(), media_type=TYPE)


def _add_errors(app: FastAPI) -> None:
    def told(request: Request, refusal: Refusal) -> Response:
        record_of(request.scope).code = refusal.code
        return refusal.response()

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, problem: RequestValidationError) -> Response:
        return told(request, refusal_of_fields(problem.errors()))

    @app.exception_handler(HTTPException)
    async def misdirected(request: Request, problem: HTTPException) -> Response:
        path, method = request.url.path[:200], request.method
        words = {
            404: f"there is no route {path}",
            405: f"{path} has no method {method}",
            400: "the body cannot be read; it must be JSON in UTF-8, of a moderate depth",
        }
        message = words.get(problem.status_code, str(problem.detail))
        refusal = Refusal(problem.status_code, message)
        refusal.headers.update(problem.headers or {})
        return told(request, refusal)
