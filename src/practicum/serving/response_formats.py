"""`response_format` as what the engine keeps an answer to."""

import asyncio
import json

from practicum.decoding.grammar import JsonObject, JsonSchema
from practicum.errors import ConfigError
from practicum.serving.api_errors import Refusal
from practicum.serving.openai_requests import AnyJson, PlainText, SchemaJson
from practicum.serving.served import Served


async def constraint_of(
    given: PlainText | AnyJson | SchemaJson | None, served: Served
) -> JsonObject | JsonSchema | None:
    """None where any text will do. Raises Refusal (400) for a schema that cannot be held to.

    A schema is looked at in another thread, since that takes time.
    """
    if given is None or isinstance(given, PlainText):
        return None
    if not served.language_model.ends:
        raise Refusal(
            400,
            "this model has no token that ends a text, so that its JSON would have no end",
            code="unsupported_value",
            param="response_format",
        )
    if isinstance(given, AnyJson):
        return JsonObject()
    schema = json.dumps(given.json_schema.schema_, ensure_ascii=False)
    try:
        return await asyncio.to_thread(lambda: JsonSchema(schema=schema))
    except ConfigError as problem:
        raise Refusal(
            400, str(problem), code="invalid_schema", param="response_format.json_schema.schema"
        ) from problem
