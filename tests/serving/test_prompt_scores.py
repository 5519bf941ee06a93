"""Prompts are scored as the model scores them, and as those who measure models ask for it."""

import asyncio
import threading

import pytest

from practicum.decoding.language_model import LanguageModel
from practicum.decoding.likelihood import likelihoods
from practicum.decoding.model import Reach, Target, log_probabilities
from practicum.decoding.sampling import Sampling
from practicum.decoding.windows import Pair
from practicum.errors import GivenUp, ModelError
from practicum.models.build import build
from practicum.models.families.mamba import mamba
from practicum.nn.selective import Selective
from practicum.serving.engine import Engine
from practicum.serving.prompt_scores import Scores, _offsets
from practicum.serving.question import Question
from practicum.serving.scoring import scored
from practicum.serving.settings import Settings
from practicum.serving.worker import Worker
from practicum.tokenizers.bytes import ByteTokenizer

TEXT = "It was the best of times, é, and 🙂."


def expected(talker, ids):
    targets = [Target(0, place - 1, ids[place]) for place in range(1, len(ids))]
    return [score.logprob for score in log_probabilities(talker.model, [ids], targets)]


@pytest.mark.parametrize("more", [{"max_tokens": 0}, {"max_tokens": 3, "seed": 1, "n": 2}])
def test_an_echo_says_what_every_token_was_worth(ask, talker, more):
    ids = list(TEXT.encode())
    answer = ask.completions.create(model="tiny", prompt=TEXT, echo=True, logprobs=2, **more)
    for choice in answer.choices:
        found, new = choice.logprobs, more["max_tokens"]
        assert choice.text.startswith(TEXT)
        assert choice.finish_reason == "length"
        assert len(found.tokens) == len(found.text_offset) == len(ids) + new
        assert (found.token_logprobs[0], found.top_logprobs[0]) == (None, None)
        wanted = expected(talker, ids)
        assert found.token_logprobs[1 : len(ids)] == pytest.approx(wanted, abs=1e-4)
        assert all(len(top) == 2 for top in found.top_logprobs[1:])
        for token, place in zip(found.tokens[: len(ids)], found.text_offset, strict=False):
            if not token.startswith("bytes:"):
                assert choice.text[place] == token
        assert found.text_offset == sorted(found.text_offset)
    assert answer.usage.prompt_tokens == len(ids)
    assert answer.usage.completion_tokens == new * len(answer.choices)


def test_a_stream_scores_its_prompts_alike(ask):
    asked = {"model": "tiny", "prompt": [TEXT, "a"], "echo": True, "logprobs": 1, "temperature": 0}
    for most in (0, 4):
        whole = ask.completions.create(**asked, max_tokens=most)
        chunks = [
            c.choices[0] for c in ask.completions.create(**asked, max_tokens=most, stream=True)
        ]
        for choice in whole.choices:
            own = [chunk for chunk in chunks if chunk.index == choice.index]
            assert "".join(chunk.text for chunk in own) == choice.text
            worths = [x for c in own if c.logprobs for x in c.logprobs.token_logprobs]
            assert worths == pytest.approx(choice.logprobs.token_logprobs)
            places = [x for c in own if c.logprobs for x in c.logprobs.text_offset]
            assert places == choice.logprobs.text_offset
            assert [chunk.finish_reason for chunk in own][-1] == "length"


def harness_reads(choice, context_length):
    """lm-evaluation-harness (`local-completions`): sum of the continuation, and is it greedy?"""
    worths = choice.logprobs.token_logprobs[context_length:-1]
    tops = choice.logprobs.top_logprobs[context_length:-1]
    return sum(worths), all(
        worth == max(top.values()) for worth, top in zip(worths, tops, strict=True)
    )


def test_an_evaluation_finds_the_likelihoods_of_the_library(ask, talker):
    (greedy,) = talker.generate(["It was"], Sampling(temperature=0, max_tokens=4))
    texts = [("It was", " the best"), ("a", "b")]
    pairs = [tuple(list(part.encode()) for part in pair) for pair in texts]
    pairs.insert(1, (list(b"It was"), list(greedy.ids)))
    wanted = likelihoods(talker.model, [Pair((*a, *b), len(a)) for a, b in pairs], Reach())
    assert [one.greedy for one in wanted] == [False, True, False]
    asked = {
        "model": "tiny",
        "prompt": [[*a, *b] for a, b in pairs],
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 1,
        "seed": 1234,
        "echo": True,
    }
    answer = ask.completions.create(**asked)
    for choice, (context, _), likelihood in zip(answer.choices, pairs, wanted, strict=True):
        total, is_greedy = harness_reads(choice, len(context))
        assert total == pytest.approx(likelihood.total, abs=1e-4)
        assert is_greedy is likelihood.greedy


def test_the_token_that_ends_a_text_is_counted_where_prompts_are_scored(ender):
    bias = {"256": 100}
    body = {"model": "tiny", "prompt": "It was", "max_tokens": 1, "logprobs": 1}
    ended = ender.post("/v1/completions", json={**body, "logit_bias": bias, "echo": True}).json()
    choice = ended["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("It was", "stop")
    assert choice["logprobs"]["tokens"] == [*"It was", "<|endoftext|>"]
    assert choice["logprobs"]["text_offset"] == [0, 1, 2, 3, 4, 5, 6]
    alone = ender.post("/v1/completions", json={**body, "logit_bias": bias}).json()["choices"][0]
    assert alone["logprobs"]["tokens"] == []


def test_nothing_is_written_where_no_token_is_asked_for(client, served):
    before = served.worker.load.said_tokens
    answer = client.post("/v1/completions", json={"model": "tiny", "prompt": "a", "max_tokens": 0})
    choice = answer.json()["choices"][0]
    assert (choice["text"], choice["logprobs"], choice["finish_reason"]) == ("", None, "length")
    body = {"model": "tiny", "prompt": "a", "max_tokens": 0, "echo": True, "logprobs": 0}
    (found,) = client.post("/v1/completions", json=body).json()["choices"]
    assert found["logprobs"]["token_logprobs"] == [None]
    assert served.worker.load.said_tokens == before


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_pieces_change_nothing_and_none_is_wider_than_it_may_be(talker, monkeypatch, chunk):
    ids = list(TEXT.encode()) * 2
    wanted = expected(talker, ids)
    monkeypatch.setattr("practicum.serving.scoring.PIECE", 257 * 5)
    rows, logits = [], talker.model.logits
    monkeypatch.setattr(
        talker.model, "logits", lambda hidden: rows.append(hidden.shape[1]) or logits(hidden)
    )
    pieces = list(scored(talker.model, ids, 1, vocabulary=257, chunk=chunk))
    found = [choice for piece in pieces for choice in piece]
    assert [choice.id for choice in found] == ids[1:]
    assert [choice.logprob for choice in found] == pytest.approx(wanted, abs=1e-4)
    assert max(map(len, pieces)) == min(chunk, len(ids) - 1)
    assert max(rows) <= 5


def test_a_model_without_attention_scores_as_well():
    model = build(mamba(width=16, depth=2, vocab=257, mixer=Selective(state=4)), seed=0)
    ids = list(range(40, 90))
    targets = [Target(0, place - 1, ids[place]) for place in range(1, len(ids))]
    wanted = [score.logprob for score in log_probabilities(model, [ids], targets)]
    found = [c.logprob for p in scored(model, ids, 0, vocabulary=257, chunk=16) for c in p]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_answers_are_written_while_a_prompt_is_read(talker):
    worker = Worker(Engine(talker, Settings(rows=2, memory=0.05, chunk=16)))
    question = Question(ids=(65,), sampling=Sampling(max_tokens=40, temperature=0))

    async def talk():
        scoring = asyncio.ensure_future(worker.score([65] * 1000, 0))
        pieces = []
        async for what in worker.answer(question):
            assert pieces or not scoring.done()
            pieces.append(what)
        return pieces, await scoring

    pieces, scores = asyncio.run(talk())
    worker.close()
    (alone,) = talker.generate(["A"], question.sampling)
    assert pieces[-1].text == alone.text
    assert len(scores) == 999


def test_who_leaves_is_read_no_further_and_who_waits_hears_of_the_end(talker):
    worker = Worker(Engine(talker, Settings(rows=2, memory=0.05, chunk=1)))
    read = []
    step = talker.model.hidden
    gate = threading.Event()

    def slow(ids, state=None):
        read.append(ids)
        gate.wait(0.02)
        return step(ids, state)

    async def talk():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(talker.model, "hidden", slow)
            with pytest.raises(GivenUp, match=r"0\.1 seconds"):
                await Scores(worker, 0.1).of([(65,) * 1000], 0)
            count = len(read)
            await asyncio.sleep(0.1)
            assert len(read) <= count + 2
            scoring = asyncio.ensure_future(worker.score([65] * 1000, 0))
            await asyncio.sleep(0.05)
            gate.set()
            await asyncio.to_thread(worker.close)
            with pytest.raises(ModelError, match="closing"):
                await scoring
        with pytest.raises(ModelError, match="closing"):
            await worker.score([65, 66], 0)

    asyncio.run(talk())


def test_prompts_that_are_equal_are_read_once(talker):
    worker = Worker(Engine(talker, Settings(rows=2, memory=0.05)))
    asked = []
    score = worker.score

    async def counted(ids, top):
        asked.append(ids)
        return await score(ids, top)

    worker.score = counted
    found = asyncio.run(Scores(worker, None).of([(1, 2), (3, 4), (1, 2)], 0))
    worker.close()
    assert asked == [(1, 2), (3, 4)]
    assert found[0] == found[2] != found[1]


def test_a_token_begins_in_the_character_that_holds_its_first_byte(talker):
    tokenizer = ByteTokenizer()
    ids = list(TEXT.encode())
    places = [i for i, letter in enumerate(TEXT) for _ in letter.encode()]
    assert _offsets(tokenizer, TEXT, ids) == places
    by_ids = _offsets(tokenizer, ids, ids)
    assert [p for p, id in zip(by_ids, ids, strict=True) if id < 128] == [
        p for p, id in zip(places, ids, strict=True) if id < 128
    ]
    tokenizer.begin = 256
    prefixed = LanguageModel(talker.model, tokenizer)
    assert _offsets(tokenizer, "ab", prefixed.encode_prompt("ab")) == [0, 0, 1]
    assert _offsets(tokenizer, "", prefixed.encode_prompt("")) == [0]
