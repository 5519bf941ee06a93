"""Drafts by a second model: the same answers in fewer steps."""

import random
from dataclasses import replace

import pytest
import torch
from loud import loud

from practicum.decoding.draft_model import DraftModel
from practicum.decoding.generate import Completion
from practicum.decoding.grammar import JsonSchema, Regex
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError, ModelError
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.mamba import mamba
from practicum.models.families.mistral import mistral
from practicum.serving.captured import Steps
from practicum.serving.engine import Engine
from practicum.serving.question import Question
from practicum.serving.settings import Settings
from practicum.tokenizers.bytes import ByteTokenizer

SIZE = ByteTokenizer().size
TARGET = llama(width=32, depth=2, heads=4, kv_heads=2, hidden=48, vocab=SIZE + 3, context=160)
SMALL = llama(width=16, depth=1, heads=2, kv_heads=2, hidden=24, vocab=SIZE, context=160)
SHORT = gpt2(width=16, depth=1, heads=2, vocab=SIZE, context=50)  # learned positions end there
PROMPTS = [
    "It was",
    "It was the age of wisdom, it was the age of foolishness, it was",
    "日本語",
    "x",
    "It was the age of wisdom, it was the winter of despair",
]
SAMPLINGS = [
    Sampling(temperature=0.0, max_tokens=14),
    Sampling(temperature=1.2, max_tokens=20, seed=4),
    Sampling(top_k=20, top_p=0.9, min_p=0.01, max_tokens=9, seed=9, logprobs=2),
    Sampling(temperature=0.0, repetition_penalty=1.4, max_tokens=14),
    Sampling(temperature=0.8, max_tokens=20, seed=1, stop=("e", "\n")),
]
TIGHT = Settings(rows=4, block=4, chunk=7, memory=1.0, prepack=False)
JSON = JsonSchema(
    schema='{"type": "object", "properties": {"population": {"type": "integer"}, "big": '
    '{"type": "boolean"}}, "required": ["population", "big"], "additionalProperties": false}'
)


@pytest.fixture(scope="module")
def target():
    return LanguageModel(loud(TARGET), ByteTokenizer())


@pytest.fixture(scope="module", params=["itself", "small", "short"])
def drafts(request, target):
    model = target.model
    if request.param != "itself":
        model = loud({"small": SMALL, "short": SHORT}[request.param], seed=5)
    return DraftModel(model=model, coupled=True)


def nearly(target):
    """The target, slightly disturbed: it often says the same."""
    model = loud(TARGET)
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            noise = torch.Generator().manual_seed(index)
            parameter.mul_(1 + 0.1 * torch.randn(parameter.shape, generator=noise))
    return DraftModel(model=model, coupled=True)


def with_blocks(model, count, **changes):
    """An engine with so many blocks, for both models together."""
    settings = replace(TIGHT, **changes)
    drafts = settings.drafts
    token = sum(
        mixer.kv_heads * (mixer.head_width + mixer.value_width) * 8
        for network in (model.model, drafts.model if isinstance(drafts, DraftModel) else None)
        if network is not None
        for mixer in (layer.mixer for layer in network.stack.blocks)
    )
    engine = Engine(model, replace(settings, memory=(count + 0.5) * token * settings.block / 1e9))
    assert engine.memory.blocks.count == count
    return engine


def answers(engine, questions):
    return {completion.index: completion for completion in engine.answers(questions)}


def mixed(count, seed, **more):
    draw = random.Random(seed)
    prompts = [draw.choice(PROMPTS) + " " * draw.randint(0, 3) for _ in range(count)]
    return [
        Question(
            ids=tuple(prompt.encode()), sampling=replace(draw.choice(SAMPLINGS), seed=i), **more
        )
        for i, prompt in enumerate(prompts)
    ]


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for i in wanted:
        assert found[i].ids == wanted[i].ids, i
        assert (found[i].text, found[i].finish) == (wanted[i].text, wanted[i].finish)
        assert found[i].logprobs == pytest.approx(wanted[i].logprobs, abs=1e-9)


@pytest.fixture(scope="module")
def wanted(target):
    """What is said without drafts."""
    return answers(Engine(target, TIGHT), mixed(8, seed=1))


def test_a_draft_model_changes_no_answer(target, drafts, wanted):
    engine = with_blocks(target, 90, drafts=drafts, drafted=3)
    same(answers(engine, mixed(8, seed=1)), wanted)
    load = engine.load
    assert load.drafted > 40
    assert 0 <= load.drafted_rightly <= load.drafted
    assert load.shared_tokens > 0
    assert (engine.memory.blocks.used, engine.idle) == (0, True)
    assert load.said_tokens == sum(len(one.ids) for one in wanted.values())


def test_where_memory_is_short_answers_are_put_off_and_the_same(target, drafts, wanted):
    engine = with_blocks(target, 23, rows=5, drafts=drafts, drafted=2, share=False)
    same(answers(engine, mixed(8, seed=1)), wanted)
    assert engine.load.put_off > 0
    assert engine.load.shared_tokens == 0
    assert engine.memory.blocks.used == 0


def test_recorded_steps_draft_the_same(target, wanted):
    drafts = nearly(target)
    found = []
    for recorded in (False, True):
        engine = with_blocks(target, 90, drafts=drafts, drafted=3)
        guesser = engine.batch.drafts._guesser
        if recorded:  # as on a GPU
            guesser._steps = Steps(drafts.model, guesser._memory, engine.settings.rows)
        same(answers(engine, mixed(8, seed=1)), wanted)
        found.append((engine.load.drafted, engine.load.drafted_rightly, engine.load.steps))
    assert found[0] == found[1]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_that_drafts_for_itself_is_always_right(target, temperature):
    sampling = Sampling(temperature=temperature, max_tokens=31, seed=8)
    asked = [Question(ids=(65, 66, 67), sampling=sampling)]
    plain = Engine(target, TIGHT)
    wanted = answers(plain, asked)
    itself = DraftModel(model=target.model, coupled=True)
    engine = Engine(target, replace(TIGHT, drafts=itself, drafted=4))
    same(answers(engine, asked), wanted)
    said = len(wanted[0].ids)
    assert said == 31
    assert engine.load.drafted_rightly == engine.load.drafted == 24
    assert (plain.load.steps, engine.load.steps) == (31, 7)  # the first token, then five a step


def test_another_model_is_right_now_and_then(target):
    asked = [replace(one, sampling=SAMPLINGS[0]) for one in mixed(3, seed=4)]
    engine = Engine(target, replace(TIGHT, drafts=nearly(target)))
    same(answers(engine, asked), answers(Engine(target, TIGHT), asked))
    assert 0 < engine.load.drafted_rightly < engine.load.drafted


def test_beginnings_that_were_read_for_another_are_known_to_both_models(target):
    itself = DraftModel(model=target.model, coupled=True)
    engine = Engine(target, replace(TIGHT, drafts=itself, drafted=3))
    asked = Question(ids=tuple(range(50, 90)), sampling=Sampling(temperature=0.0, max_tokens=21))
    first = answers(engine, [asked])
    before = engine.load
    same(answers(engine, [asked]), first)
    assert engine.load.shared_tokens - before.shared_tokens == 36
    longer = replace(asked, ids=asked.ids + first[0].ids)  # what was said is known, too
    answers(engine, [longer])
    assert engine.load.shared_tokens - before.shared_tokens >= 36 + 52
    assert engine.load.drafted_rightly == engine.load.drafted > before.drafted


def test_both_models_read_a_prompt_in_the_same_pieces(target):
    small = DraftModel(model=loud(SMALL), coupled=True)
    engine = Engine(target, replace(TIGHT, drafts=small))
    row = engine.prepare(Question(ids=tuple(range(50, 80)), sampling=SAMPLINGS[0]), lambda _: None)
    engine.enter(row)
    read = []
    while not row.said:
        engine.step()
        read.append((row.read, row.followed))
    assert read == [(n, n) for n in (7, 14, 21, 28, 30)]
    engine.cancel(row)


def test_while_too_many_write_a_draft_model_falls_behind_and_catches_up(target, monkeypatch):
    itself = DraftModel(model=target.model, coupled=True)
    monkeypatch.setattr("practicum.serving.drafts.FEW", 3)  # two rows have no drafts
    engine = Engine(target, replace(TIGHT, drafts=itself, block=8))
    long = Sampling(temperature=0.0, max_tokens=40)
    asked = [
        Question(ids=(65, 66, 67), sampling=replace(long, max_tokens=18)),
        Question(ids=(70, 66, 67), sampling=long),
    ]
    rows = []
    for one in asked:
        rows.append(engine.prepare(one, lambda _: None))
        engine.enter(rows[-1])
    behind = []
    while engine.step():
        behind.append(max(row.read - row.followed for row in rows if row.lease or row.said < 2))
        if rows[0].lease is None:
            break
    assert engine.load.drafted == 0
    assert 4 <= max(behind) <= 8
    while engine.step():
        pass
    assert engine.load.drafted_rightly == engine.load.drafted > 10


def test_cancelled_answers_leave_nothing(target):
    draw = random.Random(5)
    drafts = DraftModel(model=loud(SHORT, seed=5), coupled=True)
    engine = with_blocks(target, 50, rows=8, drafts=drafts, drafted=2)
    live, ended = [], []
    for one in mixed(16, seed=6):
        live.append(engine.ask(one, ended.append))
        for _ in range(draw.randint(0, 3)):
            engine.step()
        if draw.random() < 0.5:
            engine.cancel(draw.choice(live))
    while engine.step():
        pass
    load, blocks = engine.load, engine.memory.blocks
    assert load.asked == 16 == load.finished + load.cancelled
    assert load.cancelled > 3
    assert sum(isinstance(end, Completion) for end in ended) == load.finished
    assert (blocks.used, blocks.available) == (0, blocks.count)


def held_answers(engine):
    """Answers with constraints beside one without."""
    asked = [
        *mixed(2, seed=7, constraint=JSON),
        *mixed(2, seed=9, constraint=Regex(pattern="([ab]{2} foo(bar)?){2,4};")),
        *mixed(1, seed=8),
    ]
    return answers(
        engine,
        [replace(one, sampling=replace(one.sampling, stop=(), max_tokens=36)) for one in asked],
    )


@pytest.fixture(scope="module")
def undrafted(target):
    """An engine that has given them without any draft, and the answers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("practicum.serving.drafts.FEW", 0)
        engine = Engine(target, TIGHT)
        found = held_answers(engine)
    assert engine.load.drafted == 0
    return engine, found


@pytest.mark.parametrize("who", ["nobody", "lookup", "itself", "nearly"])
def test_drafts_keep_to_a_constraint_and_change_no_answer(target, undrafted, who):
    plain, wanted = undrafted
    drafts = {
        "nobody": None,
        "lookup": PromptLookup(shortest=1),
        "itself": DraftModel(model=target.model, coupled=True),
        "nearly": nearly(target),
    }[who]
    engine = with_blocks(target, 120, drafts=drafts, drafted=3)
    same(held_answers(engine), wanted)
    load = engine.load
    assert load.drafted_rightly > 20
    assert load.steps < plain.load.steps
    assert engine.memory.blocks.used == 0


def test_the_memory_of_a_draft_model_counts(target):
    small = DraftModel(model=loud(SMALL), coupled=True)
    settings = replace(TIGHT, memory=1e-4)
    alone = Engine(target, settings).memory.blocks.count
    # the target keeps 2 · 2 · (8 + 8) numbers of a token, the draft 1 · 2 · (8 + 8)
    both = Engine(target, replace(settings, drafts=small)).memory.blocks.count
    assert (alone, both) == (48, 32)


def test_scores_of_a_draft_that_are_no_numbers_are_no_drafts_and_leave_nothing(target):
    model = loud(SMALL)
    with torch.no_grad():
        model.embedding.weight[66] = float("nan")
    settings = replace(TIGHT, drafts=DraftModel(model=model, coupled=True), share=False)
    spoilt, good = (Question(ids=ids, sampling=SAMPLINGS[0]) for ids in ((66,) * 9, (70, 71, 72)))
    engine, fresh = Engine(target, settings), Engine(target, settings)
    same(answers(engine, [spoilt]), answers(Engine(target, TIGHT), [spoilt]))
    before = engine.load.drafted
    same(answers(engine, [good]), answers(fresh, [good]))  # in blocks that the other has left
    assert engine.load.drafted - before == fresh.load.drafted > 0


def test_models_that_cannot_draft_are_refused(target):
    def refused(description, words, model=target):
        drafts = DraftModel(model=loud(description), coupled=True)
        with pytest.raises(ModelError, match=words):
            Engine(model, replace(TIGHT, drafts=drafts))

    refused(replace(SMALL, vocab=SIZE - 1), "a draft model of 256 tokens cannot speak for")
    refused(mamba(width=16, depth=1, vocab=SIZE, context=160), "the draft model has layers that")
    grouped = {"width": 16, "depth": 1, "heads": 2, "kv_heads": 2, "hidden": 24, "vocab": SIZE}
    ring = mistral(**grouped, context=160, window=20)
    refused(ring, "the draft model has layers that")
    refused(SMALL, "a model with drafts has layers", LanguageModel(loud(ring), ByteTokenizer()))
    with pytest.raises(ConfigError, match="coupled=True"):
        Settings(drafts=DraftModel(model=target.model))
