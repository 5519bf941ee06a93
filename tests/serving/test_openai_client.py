"""The `openai` package, unchanged, against a server on a socket."""

import time

import openai
import pytest

from practicum.decoding.sampling import Sampling
from practicum.serving.http_settings import HttpSettings

TALK = [{"role": "user", "content": "Hello"}]


def until(true, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def test_a_chat_is_what_the_model_says_after_its_template(ask, talker):
    answer = ask.chat.completions.create(model="tiny", messages=TALK, max_tokens=9, temperature=0)
    (expected,) = talker.generate([TALK], Sampling(temperature=0, max_tokens=9))
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", expected.text)
    assert choice.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(talker.encode_prompt(TALK))
    assert answer.usage.completion_tokens == 9
    assert (answer.model, answer.system_fingerprint) == ("tiny", "fp_tiny")
    assert answer._request_id is not None


def test_a_stream_says_the_same_as_a_whole_answer(ask):
    asked = {"model": "tiny", "messages": TALK, "max_tokens": 20, "seed": 5, "n": 2}
    whole = ask.chat.completions.create(**asked)
    chunks = list(
        ask.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[-1].choices == []
    counted = {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert chunks[-1].usage.model_dump(include=counted) == whole.usage.model_dump(include=counted)
    for choice in whole.choices:
        own = [c.choices[0] for c in chunks[:-1] if c.choices[0].index == choice.index]
        assert own[0].delta.role == "assistant"
        assert "".join(c.delta.content or "" for c in own) == choice.message.content
        assert [c.finish_reason for c in own] == [None] * (len(own) - 1) + ["length"]
    assert whole.choices[0].message.content != whole.choices[1].message.content


def test_what_was_read_before_is_told(ask):
    asked = {"model": "tiny", "prompt": "a beginning that nobody has sent before: " * 3}
    first, again = (ask.completions.create(**asked, max_tokens=2, n=n) for n in (1, 3))
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert again.usage.prompt_tokens_details.cached_tokens == 112  # of 120, in blocks of 16


def test_the_same_seed_says_the_same_and_without_one_answers_differ(ask):
    def text(**more):
        answer = ask.completions.create(model="tiny", prompt="It was", max_tokens=16, **more)
        return answer.choices[0].text

    assert text(seed=3) == text(seed=3)
    assert text() != text()
    assert text(seed=-(2**63)) != text(seed=2**63 - 1)


def test_a_text_ends_before_a_stop_string_and_so_do_its_tokens(ask):
    asked = {"model": "tiny", "prompt": "It was", "max_tokens": 60, "seed": 1, "logprobs": 0}
    whole = ask.completions.create(**asked).choices[0]
    place = next(i for i in range(10, 60) if whole.text[i : i + 2].isascii())
    stop = whole.text[place : place + 2]
    cut = ask.completions.create(**asked, stop=["never to be said", stop]).choices[0]
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.logprobs.tokens == whole.logprobs.tokens[: len(cut.logprobs.tokens)]
    assert max(cut.logprobs.text_offset) < len(cut.text)
    streamed = list(ask.completions.create(**asked, stop=stop, stream=True))
    assert "".join(c.choices[0].text for c in streamed) == cut.text
    tokens = [t for c in streamed if c.choices[0].logprobs for t in c.choices[0].logprobs.tokens]
    assert tokens == cut.logprobs.tokens


def test_a_bias_and_penalties_move_what_is_said_and_not_what_it_was_worth(ask, talker):
    asked = {"model": "tiny", "prompt": "It was", "max_tokens": 24, "temperature": 0}
    for more in (
        {"logit_bias": {"122": 100, "97": -100}},
        {"frequency_penalty": 1.5},
        {"presence_penalty": 2.0, "frequency_penalty": -0.5},
    ):
        choice = ask.completions.create(**asked, **more, logprobs=0).choices[0]
        bias = tuple(sorted((int(id), float(x)) for id, x in more.pop("logit_bias", {}).items()))
        how = Sampling(temperature=0, max_tokens=24, logprobs=0, bias=bias, **more)
        (expected,) = talker.generate(["It was"], how)
        assert choice.text == expected.text
        assert choice.logprobs.token_logprobs == pytest.approx(expected.logprobs, abs=1e-4)
    forced = ask.chat.completions.create(
        model="tiny", messages=TALK, max_tokens=5, logit_bias={"122": 100, "1": -100}
    )
    assert forced.choices[0].message.content == "zzzzz"


def test_logprobs_are_those_of_the_model(ask, talker):
    answer = ask.chat.completions.create(
        model="tiny", messages=TALK, max_tokens=6, seed=2, logprobs=True, top_logprobs=3
    )
    (expected,) = talker.generate([TALK], Sampling(max_tokens=6, seed=2, logprobs=3))
    content = answer.choices[0].logprobs.content
    assert [t.bytes for t in content] == [list(talker.tokenizer.piece(i)) for i in expected.ids]
    assert [t.logprob for t in content] == pytest.approx(expected.logprobs, abs=1e-4)
    assert [len(t.top_logprobs) for t in content] == [3] * 6


def test_several_prompts_are_answered_in_their_order(ask, talker):
    prompts = ["It was", "the best", "of times"]
    answer = ask.completions.create(model="tiny", prompt=prompts, n=2, max_tokens=4, temperature=0)
    assert [choice.index for choice in answer.choices] == list(range(6))
    for i, completion in enumerate(
        sorted(
            talker.generate(prompts, Sampling(temperature=0, max_tokens=4)), key=lambda c: c.index
        )
    ):
        assert answer.choices[2 * i].text == answer.choices[2 * i + 1].text == completion.text
    ids = [list(prompt.encode()) for prompt in prompts]
    same = ask.completions.create(model="tiny", prompt=ids, max_tokens=4, temperature=0, echo=True)
    assert [c.text for c in same.choices] == [
        prompt + c.text for prompt, c in zip(prompts, answer.choices[::2], strict=True)
    ]


def test_the_default_client_gets_vectors_of_length_one(ask):
    texts = ["a cat", "a kitten", "a cat"]
    by_base64 = ask.embeddings.create(model="tiny", input=texts)  # what the client asks for
    as_floats = ask.embeddings.create(model="tiny", input=texts, encoding_format="float")
    vectors = [item.embedding for item in by_base64.data]
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(x * x for x in vectors[1]) == pytest.approx(1.0, abs=1e-5)
    assert vectors[1] == pytest.approx(as_floats.data[1].embedding, abs=1e-6)
    assert by_base64.usage.prompt_tokens == sum(map(len, texts))


def test_closing_a_stream_frees_its_memory(ask, running):
    worker = running[1]
    until(lambda: worker.load.writing == 0)
    before = worker.load
    stream = ask.chat.completions.create(model="tiny", messages=TALK, n=3, stream=True)
    next(iter(stream))
    assert worker.load.writing > 0
    stream.close()
    until(lambda: worker.load.writing == worker.load.reading == worker.load.blocks_used == 0)
    assert worker.load.cancelled == before.cancelled + 3
    assert worker.load.said_tokens - before.said_tokens < 2000


def test_a_client_that_hangs_up_is_not_answered(ask, running):
    worker = running[1]
    before = worker.load.cancelled
    with pytest.raises(openai.APITimeoutError):
        ask.with_options(timeout=0.2).chat.completions.create(model="tiny", messages=TALK)
    until(lambda: worker.load.cancelled == before + 1)
    until(lambda: worker.load.blocks_used == 0)


def test_what_cannot_be_answered_is_refused_in_the_shape_of_the_api(ask):
    with pytest.raises(openai.NotFoundError) as missing:
        ask.chat.completions.create(model="gpt-5", messages=TALK)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        ask.models.retrieve("owner/name")
    long = [{"role": "user", "content": "x" * 2000}]
    with pytest.raises(openai.BadRequestError, match="context is 1024") as too_long:
        ask.chat.completions.create(model="tiny", messages=long)
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="not supported") as unknown:
        ask.chat.completions.create(model="tiny", messages=TALK, reasoning_effort="high")
    assert unknown.value.param == "reasoning_effort"


def test_a_wrong_key_is_refused_and_a_right_one_is_not(serve, tmp_path):
    from practicum.serving.keys import keys_of

    key = "sk-0123456789abcdef"
    with serve(http=HttpSettings(keys=keys_of([f"me {key}"]))) as (address, _):
        for given, works in ((key, True), ("sk-wrong", False)):
            with openai.OpenAI(base_url=f"http://{address}/v1", api_key=given) as client:
                if works:
                    assert client.models.list().data[0].id == "tiny"
                    continue
                with pytest.raises(openai.AuthenticationError) as refused:
                    client.models.list()
                assert refused.value.code == "invalid_api_key"


def test_more_than_can_wait_is_refused_with_a_time_to_come_back(serve):
    with (
        serve(rows=1, waiting=4) as (address, worker),
        openai.OpenAI(
            base_url=f"http://{address}/v1", api_key="-", max_retries=0, timeout=20
        ) as client,
    ):
        running = client.completions.create(
            model="tiny", prompt=["a"] * 3, max_tokens=900, stream=True
        )
        next(iter(running))  # one is written, two wait
        with pytest.raises(openai.RateLimitError) as refused:
            client.completions.create(model="tiny", prompt=["b"] * 3, max_tokens=900)
        assert refused.value.code == "engine_overloaded"
        assert int(refused.value.response.headers["retry-after"]) >= 1
        running.close()
        until(lambda: worker.load.writing == worker.load.waiting == 0)


def test_an_answer_that_takes_too_long_is_given_up(serve):
    with (
        serve(http=HttpSettings(answer_seconds=0.3)) as (address, worker),
        openai.OpenAI(
            base_url=f"http://{address}/v1", api_key="-", max_retries=0, timeout=20
        ) as client,
    ):
        with pytest.raises(openai.InternalServerError) as late:
            client.completions.create(model="tiny", prompt="a", max_tokens=900)
        assert late.value.status_code == 504
        stream = client.completions.create(model="tiny", prompt="a", max_tokens=900, stream=True)
        with pytest.raises(openai.APIError, match=r"0\.3 seconds"):
            list(stream)
        until(lambda: worker.load.blocks_used == 0)
