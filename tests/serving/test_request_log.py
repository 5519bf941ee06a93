"""One line of JSON for each request, and what was asked only where it is wanted."""

import json
import logging

import pytest

from practicum.serving.request_log import LogLines

TALK = [{"role": "user", "content": "a secret"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("log_prompts", [False, True])
def test_a_line_tells_who_what_and_how_long(client_with, stream, log_prompts):
    lines = []
    client = client_with(log=lines.append, log_prompts=log_prompts)
    body = {"model": "tiny", "messages": TALK, "max_tokens": 3, "stream": stream}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    (line,) = lines
    told = json.loads(line)
    assert told["id"] == answer.headers["x-request-id"]
    assert (told["route"], told["model"], told["status"]) == ("/v1/chat/completions", "tiny", 200)
    assert (told["prompt_tokens"], told["completion_tokens"]) == (25, 3)
    assert 0 <= told["first_token_seconds"] <= told["seconds"]
    assert ("a secret" in line) == log_prompts


def test_errors_have_their_code_and_no_prompt(client_with):
    lines = []
    client = client_with(log=lines.append)
    client.post("/v1/chat/completions", json={"model": "tiny", "messages": TALK, "secret": "x"})
    client.get("/nowhere/secret")
    told = [json.loads(line) for line in lines]
    assert [(t["status"], t.get("code")) for t in told] == [(400, "unknown_parameter"), (404, None)]
    assert "secret" not in "".join(lines)


def test_what_other_libraries_log_is_a_line_of_json_too():
    lines = []
    logger = logging.getLogger("practicum.tests.log_lines")
    handler = LogLines(lines.append)
    logger.addHandler(handler)
    logger.propagate = False
    logger.info("unheard")
    logger.warning("Invalid %s\nreceived", "request")
    logger.removeHandler(handler)
    (told,) = map(json.loads, lines)
    assert (told["level"], told["problem"]) == ("warning", "Invalid request\nreceived")
