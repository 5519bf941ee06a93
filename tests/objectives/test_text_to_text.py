"""Sources and targets from plain text: what each objective shows, and what it asks for."""

from collections import Counter

import numpy as np
import pytest
import torch

from practicum.errors import ConfigError, DataError
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.transformer import transformer
from practicum.objectives.span_corruption import Sentinels, SpanCorruption, filled_in
from practicum.objectives.text_to_text import (
    Deshuffled,
    Dropped,
    PrefixLM,
    Replaced,
    Restored,
    TextToText,
)
from practicum.objectives.translation import Translation
from practicum.seeding import stream

IDS = np.random.default_rng(0).integers(200, size=2000)
SENTINELS = Sentinels(first=999, count=600)
MARK = 999
RULES = {
    "spans": SpanCorruption(sentinels=SENTINELS),
    "prefix": PrefixLM(),
    "bert": Restored(mark=MARK, vocab=200),
    "mass": Restored(mark=MARK, vocab=200, stray=0.0),
    "replaced": Replaced(sentinels=SENTINELS),
    "dropped": Dropped(),
    "deshuffled": Deshuffled(),
}


@pytest.mark.parametrize("name", RULES)
def test_the_same_draws_make_the_same_pair_and_the_text_stays(name):
    before = IDS.copy()
    first, again, other = (RULES[name](IDS, stream(seed, "draws")) for seed in (3, 3, 4))
    assert first == again != other
    assert np.array_equal(IDS, before)


def test_a_prefix_and_its_rest_are_the_text_cut_anywhere():
    cuts = Counter()
    for seed in range(300):
        source, target = PrefixLM()(IDS[:6], stream(seed, "cut"))
        assert [*source, *target] == IDS[:6].tolist()
        cuts[len(source)] += 1
    assert sorted(cuts) == [1, 2, 3, 4, 5]
    assert min(cuts.values()) > 30


def test_bert_hides_most_by_the_mark_and_some_by_strays():
    source, target = (np.array(side) for side in RULES["bert"](IDS, stream(0, "bert")))
    assert target.tolist() == IDS.tolist()
    changed = source != target
    assert 0.12 < changed.mean() < 0.18
    assert 0.85 < (source[changed] == MARK).mean() < 0.95


def test_mass_hides_all_by_the_mark():
    source, target = (np.array(side) for side in RULES["mass"](IDS, stream(0, "mass")))
    assert target.tolist() == IDS.tolist()
    assert set(source[source != target]) == {MARK}
    assert 0.12 < (source == MARK).mean() < 0.18


def test_replaced_tokens_come_back_in_their_places():
    source, target = RULES["replaced"](IDS, stream(0, "replaced"))
    assert filled_in(source, target, SENTINELS) == IDS.tolist()
    hidden = sum(id not in SENTINELS for id in target)
    assert 0.12 < hidden / len(IDS) < 0.18
    assert 0.8 < sum(id in SENTINELS for id in source) / hidden < 0.9  # 1 − 0.15: few have company


def test_dropped_tokens_are_the_target_in_their_order():
    ids = np.arange(1000)
    source, target = RULES["dropped"](ids, stream(0, "dropped"))
    assert sorted([*source, *target]) == ids.tolist()
    assert sorted(target) == list(target)
    assert sorted(source) == list(source)
    assert 0.12 < len(target) / 1000 < 0.18


def test_a_source_keeps_a_token_whatever_is_dropped():
    for seed in range(20):
        assert Dropped(rate=0.99)(IDS[:2], stream(seed, "dropped")).source[:1] == (IDS[0],)


def test_deshuffling_shows_the_same_tokens_in_another_order():
    source, target = RULES["deshuffled"](IDS, stream(0, "order"))
    assert target == tuple(IDS.tolist()) != source
    assert Counter(source) == Counter(target)


def test_sources_are_closed_and_targets_begin_after_the_padding_id():
    objective = TextToText(rule=PrefixLM(), translation=Translation(begin=0, end=1))
    texts = [np.arange(5, 9), np.arange(5, 8)]
    batch = objective.prepare(texts, stream(0, "batch"))
    for row, text in enumerate(texts):
        source = batch.source[row][batch.real[row]].tolist()
        wanted = batch.wanted[row][batch.wanted[row] != IGNORED].tolist()
        assert (source[-1], wanted[-1], int(batch.target[row, 0])) == (1, 1, 0)
        assert source[:-1] + wanted[:-1] == text.tolist()


def test_the_loss_is_that_of_translating_the_source_into_the_target():
    model = build(transformer(width=16, depth=1, heads=2, vocab=12, context=40, dropout=0.0))
    scored = Translation(begin=0, end=1)
    objective = TextToText(rule=Deshuffled(), translation=scored)
    batch = objective.prepare([np.arange(2, 12)], stream(0, "batch"))
    torch.testing.assert_close(objective.loss(model, batch).total, scored.loss(model, batch).total)


def test_shares_that_are_none_and_texts_of_one_token_are_refused():
    with pytest.raises(ConfigError, match=r"Dropped\.rate is 0"):
        Dropped(rate=0)
    with pytest.raises(ConfigError, match="strays at 2"):
        Restored(mark=1, vocab=5, stray=2)
    with pytest.raises(DataError, match="cannot be cut in two"):
        PrefixLM()(IDS[:1], stream(0, "cut"))
