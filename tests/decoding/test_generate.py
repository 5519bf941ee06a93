from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from practicum.config import from_json, to_json
from practicum.decoding.generate import Chunk, Completion
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.tokenizers.chat import ChatTemplate

GREEDY = Sampling(temperature=0.0, max_tokens=24)
PROMPTS = [
    "It was",
    "It was the age of wisdom, it was",
    "日本語",
    "x",
    "the worst of times",
    "",
    "open at 7; Naïve cafés",
]


@pytest.fixture
def lm(model, tokenizer):
    return LanguageModel(model, tokenizer, reach=Reach(rows=4))


def _by_index(completions):
    return {completion.index: completion for completion in completions}


def _without_index(completion):
    return replace(completion, index=0)


def test_greedy_text_is_that_of_reading_from_scratch_at_each_token(lm, model, tokenizer):
    for completion in lm.generate(PROMPTS, GREEDY):
        ids = lm.encode_prompt(PROMPTS[completion.index])
        for drawn in completion.ids:
            with torch.no_grad():
                logits = model(torch.tensor([ids]))[0, -1, : tokenizer.size]
            assert drawn == logits.argmax().item()
            ids.append(drawn)


SAMPLINGS = {
    "greedy": GREEDY,
    "drawn": Sampling(temperature=1.2, max_tokens=24, seed=4),
    "filtered": Sampling(top_k=20, top_p=0.9, min_p=0.01, max_tokens=24, seed=9, logprobs=2),
    "penalised": Sampling(temperature=0.0, repetition_penalty=1.4, max_tokens=24),
}


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
def test_neither_company_nor_order_matters(lm, sampling):
    alone = [_without_index(next(lm.generate([prompt], sampling))) for prompt in PROMPTS]
    for order in (range(len(PROMPTS)), [4, 2, 6, 0, 1, 5, 3]):
        together = _by_index(lm.generate([PROMPTS[i] for i in order], sampling))
        for place, i in enumerate(order):
            ours = _without_index(together[place])
            assert (ours.text, ours.ids, ours.finish) == (
                alone[i].text,
                alone[i].ids,
                alone[i].finish,
            )
            assert (ours.logprobs or ()) == pytest.approx(alone[i].logprobs or ())


def test_each_prompt_may_have_a_sampling_of_its_own(lm):
    samplings = list(SAMPLINGS.values())
    mixed = _by_index(lm.generate(["It was"] * len(samplings), samplings))
    for i, sampling in enumerate(samplings):
        assert mixed[i].ids == next(lm.generate(["It was"], sampling)).ids
    with pytest.raises(ConfigError, match="4 samplings for 1 prompts"):
        list(lm.generate(["It was"], samplings))


def test_seeds_differ_and_repeat(lm):
    texts = [next(lm.generate(["It was"], Sampling(seed=seed))).text for seed in (0, 1, 0)]
    assert texts[0] == texts[2] != texts[1]


def test_fewer_tokens_are_the_beginning_of_more(lm):
    short, long = (next(lm.generate(["the"], Sampling(seed=2, max_tokens=n))).ids for n in (10, 30))
    assert long[: len(short)] == short


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), stop=st.sampled_from([(), ("e",), (" t", "ne"), ("\ufffd",)]))
def test_chunks_joined_are_the_text(lm, tokenizer, seed, stop):
    sampling = Sampling(seed=seed, temperature=1.5, max_tokens=40, stop=stop)
    pieces = list(lm.write(PROMPTS[:3], sampling))
    for index in range(3):
        chunks = [p.text for p in pieces if isinstance(p, Chunk) and p.index == index]
        whole = next(p for p in pieces if isinstance(p, Completion) and p.index == index)
        assert "".join(chunks) == whole.text
        kept = [id for id in whole.ids if id != tokenizer.end]
        assert tokenizer.decode(kept).startswith(whole.text)
        assert not any(string in whole.text for string in stop)
        if whole.finish != "stop":
            assert tokenizer.decode(kept) == whole.text
    assert "".join(lm.stream(PROMPTS[0], sampling)) == "".join(
        p.text for p in pieces if isinstance(p, Chunk) and p.index == 0
    )


def test_a_stop_string_across_tokens_ends_the_text_before_it(lm, tokenizer):
    free = next(lm.generate(["It was"], replace(GREEDY, max_tokens=60)))
    assert len(free.text) > 12
    stop = free.text[5:11]
    assert len(tokenizer.encode(stop)) > 1
    stopped = next(lm.generate(["It was"], replace(GREEDY, max_tokens=60, stop=(stop,))))
    assert stopped.finish == "stop"
    assert stopped.text == free.text[: free.text.index(stop)]
    assert free.ids[: len(stopped.ids)] == stopped.ids


def test_an_end_token_ends_the_text_and_stands_among_the_ids(model, tokenizer):
    free = next(LanguageModel(model, tokenizer).generate(["It was"], GREEDY))
    end = free.ids[7]
    first = free.ids.index(end)
    ended = next(LanguageModel(model, tokenizer, ends={end}).generate(["It was"], GREEDY))
    assert ended.finish == "end"
    assert ended.ids == free.ids[: first + 1]
    assert ended.text == tokenizer.decode(free.ids[:first])


def test_log_probabilities_are_the_likelihood_of_what_was_written(lm, tokenizer):
    sampling = replace(GREEDY, logprobs=3, stop=())
    for completion in lm.generate(PROMPTS[:4], sampling):
        assert completion.logprobs is not None
        assert completion.top_logprobs is not None
        ids = lm.encode_prompt(PROMPTS[completion.index])
        with torch.no_grad():
            logits = lm.model(torch.tensor([[*ids, *completion.ids]]))[0, :, : tokenizer.size]
        expected = logits.log_softmax(-1)
        for t, (id, logprob) in enumerate(zip(completion.ids, completion.logprobs, strict=True)):
            assert logprob == pytest.approx(expected[len(ids) - 1 + t, id].item(), abs=1e-5)
            assert completion.top_logprobs[t][0] == (id, logprob)
            assert len(completion.top_logprobs[t]) == 3


def test_finished_completions_come_before_unfinished_ones(lm):
    samplings = [replace(GREEDY, max_tokens=n) for n in (9, 3, 6)]
    assert [c.index for c in lm.generate(["It was"] * 3, samplings)] == [1, 2, 0]


def test_a_text_that_fills_the_context_ends_there(lm):
    prompt = "times, " * 20
    taken = len(lm.encode_prompt(prompt))
    completion = next(lm.generate([prompt], replace(GREEDY, max_tokens=1000)))
    assert completion.finish == "length"
    assert len(completion.ids) == lm.context - taken + 1


def test_a_prompt_beyond_the_context_is_refused_in_one_line_before_anything_is_written(lm):
    prompt = "z9" * 100
    tokens = len(lm.encode_prompt(prompt))
    with pytest.raises(ModelError) as refusal:
        next(lm.generate(["short", prompt], GREEDY))
    message = str(refusal.value)
    assert f"the prompt has {tokens} tokens and the model's context is 96" in message
    assert f"shorten the prompt by {tokens - 96} tokens" in message
    assert "\n" not in message


def test_a_large_set_of_prompts_is_written_in_batches_of_bounded_size(model, tokenizer):
    seen = []

    class Watched(LanguageModel):
        pass

    watched = Watched(model, tokenizer, reach=Reach(rows=3, tokens=40))
    original = model.new_state
    model.new_state = lambda rows, capacity: (
        seen.append((rows, capacity)) or original(rows, capacity)
    )
    try:
        prompts = [PROMPTS[i % 5] for i in range(11)]
        completions = list(watched.generate(prompts, replace(GREEDY, max_tokens=2)))
    finally:
        del model.new_state
    assert sorted(c.index for c in completions) == list(range(11))
    assert max(rows for rows, _ in seen) <= 3
    assert all(rows * (capacity - 1) <= 40 for rows, capacity in seen if rows > 1)


def test_a_chat_is_rendered_and_its_special_tokens_count(model, tokenizer):
    template = ChatTemplate(
        "{% for m in messages %}<|endoftext|>{{ m.role }}:{{ m.content }}{% endfor %}\n", eos=""
    )
    lm = LanguageModel(model, tokenizer, template)
    ids = lm.encode_prompt([{"role": "user", "content": "Hi"}])
    assert ids[0] == tokenizer.end
    assert tokenizer.decode(ids[1:]).startswith("user:Hi")
    assert tokenizer.end not in lm.encode_prompt("<|endoftext|>")
    with pytest.raises(ModelError, match="no chat template"):
        LanguageModel(model, tokenizer).encode_prompt([{"role": "user", "content": "Hi"}])


def test_a_model_in_training_is_read_without_dropout_and_goes_on_training(tokenizer):
    decoder = gpt2(width=32, depth=2, heads=4, vocab=tokenizer.size, context=64)
    decoder = replace(decoder, dropout=0.5)
    model = build(decoder)
    lm = LanguageModel(model, tokenizer)
    expected = next(lm.generate(["It was"], GREEDY))
    model.train()
    stream = lm.stream("It was", GREEDY)
    next(stream)
    assert model.training
    assert not torch.is_inference_mode_enabled()  # not between two pieces of a stream either
    assert next(lm.generate(["It was"], GREEDY)) == expected
    model(torch.tensor([[1, 2, 3]])).sum().backward()  # nothing cached by reading stands in its way


def test_a_tokenizer_larger_than_the_model_is_refused(tokenizer):
    small = build(gpt2(width=16, depth=1, heads=2, vocab=100, context=16))
    with pytest.raises(ModelError, match=r"tokens is not that of a model of 100"):
        LanguageModel(small, tokenizer)


def test_samplings_survive_json():
    sampling = Sampling(stop=("a", "b"), top_k=3, seed=1)
    assert from_json(Sampling, to_json(sampling)) == sampling
