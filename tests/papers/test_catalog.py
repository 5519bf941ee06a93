"""The reading list is whole and in order, and a page is described without being imported."""

import subprocess
import sys
from collections import Counter

import pytest

from practicum.errors import PracticumError, UnknownName
from practicum.papers import catalog

LORA = '''"""LoRA: low-rank adaptation (Hu et al. 2021, arXiv:2106.09685).

A frozen weight gets a trainable update of rank r:
    h = W x + (α/r) B A x   (§4.1, eq. 3)

Claim: the update closes most of the gap between the frozen
model and full fine-tuning (Table 2).
"""
from dataclasses import dataclass

from practicum.errors import ConfigError
from practicum.lab.paper import Claim, Paper
from practicum.models.families.gpt2 import gpt2
from practicum.nn.attention import Attention, AttentionLayer

raise RuntimeError("describing a page must not run it")

@dataclass(frozen=True, kw_only=True)
class Setup:
    base: Decoder = gpt2(width=128)
    rank: int = 4

EXTRA = {"bitfit": None}
ARMS = {"frozen": None, "lora": lambda setup: setup, **EXTRA}
PRESETS = {"smoke": Setup(rank=1), "cpu": Setup()}

PAPER = Paper(run=run, arms=tuple(ARMS), presets=PRESETS, claims=(
    Claim("closes 80 %", at_least=0.8, source="Table 2", value=lambda r: r.lora.bpb),
    Claim("trains under 2 %", at_most=0.02, source="§4.2", value=lambda r: r.lora.share)),
    validity=(Validity("the base learned", value=lambda r: r.frozen.bpb, at_most=3.0),))
'''


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A room of papers whose only page is lora."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "models" / "families").mkdir(parents=True)
    (tmp_path / "nn").mkdir()
    (tmp_path / "models" / "families" / "gpt2.py").touch()
    (tmp_path / "nn" / "attention.py").touch()
    (tmp_path / "papers" / "catalog.toml").write_bytes(
        (catalog.FOLDER / "catalog.toml").read_bytes()
    )
    (tmp_path / "papers" / "lora.py").write_text(LORA, encoding="utf-8")
    monkeypatch.setattr(catalog, "FOLDER", tmp_path / "papers")
    catalog.page_facts.cache_clear()
    yield catalog.page_facts("lora")
    catalog.page_facts.cache_clear()


def test_the_list_has_88_entries_with_different_slugs():
    assert len(catalog.entries()) == 88
    assert len({entry.slug for entry in catalog.entries()}) == 88


def test_the_list_starts_and_ends_as_printed():
    slugs = [entry.slug for entry in catalog.entries()]
    assert slugs[:3] == ["short-intro-ml", "neural-network", "gradient-descent"]
    assert slugs[-3:] == ["technical-debt", "data-intensive", "training-recipe"]


def test_every_entry_is_complete():
    for entry in catalog.entries():
        assert entry.title
        assert entry.section
        assert entry.url.startswith("http")
        assert entry.tier in catalog.TIERS
        assert bool(entry.link_note) == bool(entry.work_url)


def test_every_entry_says_what_it_learns_from_and_how():
    for entry in catalog.entries():
        for given, known in (
            (entry.signal, catalog.SIGNALS),
            (entry.technique, catalog.TECHNIQUES),
        ):
            assert given == tuple(name for name in known if name in given), entry.slug
            assert given, entry.slug
        assert entry.signal == ("none",) or "none" not in entry.signal, entry.slug


def test_every_way_of_learning_has_entries():
    signals = Counter(name for entry in catalog.entries() for name in entry.signal)
    techniques = Counter(name for entry in catalog.entries() for name in entry.technique)
    assert set(signals) == set(catalog.SIGNALS)
    assert set(techniques) == set(catalog.TECHNIQUES)
    assert techniques.most_common(1)[0][0] == "deep"


def test_links_that_lead_elsewhere_are_corrected():
    assert catalog.entry("opt").link == "https://arxiv.org/abs/2205.01068"
    assert catalog.entry("ul2").link == "https://arxiv.org/abs/2205.05131"
    assert catalog.entry("lora").link == catalog.entry("lora").url


def test_sections_and_tiers_are_as_large_as_in_the_list():
    tiers = Counter(entry.tier for entry in catalog.entries())
    assert tiers == {"1": 12, "2": 17, "3": 16, "4+": 43}
    sections = Counter(entry.section.rpartition(" / ")[2] for entry in catalog.entries())
    assert sections == {
        "Introduction to machine learning": 8,
        "Transformers": 16,
        "Key foundation model architectures": 28,
        "Training and finetuning": 32,
        "Production deployment": 4,
    }


def test_reading_goes_tier_by_tier_and_keeps_the_order_of_the_list():
    order = catalog.reading_order()
    tiers = [catalog.TIERS.index(entry.tier) for entry in order]
    assert tiers == sorted(tiers)
    assert len(order) == 88
    first = [entry.slug for entry in order if entry.tier == "1"]
    assert first == [entry.slug for entry in catalog.entries() if entry.tier == "1"]


def test_an_unknown_slug_names_the_nearest_ones():
    with pytest.raises(UnknownName, match="mistral"):
        catalog.entry("mistrl")


def test_hyphens_of_a_slug_are_underscores_of_its_page():
    assert catalog.page_path("lost-in-the-middle").name == "lost_in_the_middle.py"


def test_an_entry_without_a_page_says_so(page):
    with pytest.raises(PracticumError, match="entry 'qlora' has no page yet.*lora"):
        catalog.load_page("qlora")


def test_a_page_is_described_by_its_docstring(page):
    assert page.citation == "LoRA: low-rank adaptation (Hu et al. 2021, arXiv:2106.09685)."
    assert page.equations == ("h = W x + (α/r) B A x   (§4.1, eq. 3)",)
    assert page.claim.startswith("the update closes most")
    assert page.claim.endswith("(Table 2).")


def test_a_page_is_described_by_its_claims_arms_and_presets(page):
    assert [(claim.text, claim.threshold, claim.source) for claim in page.claims] == [
        ("closes 80 %", "at least 0.8", "Table 2"),
        ("trains under 2 %", "at most 0.02", "§4.2"),
    ]
    assert page.validity[0].text == "the base learned"
    assert page.arms == ("frozen", "lora", "bitfit")
    assert page.presets == ("smoke", "cpu")
    assert page.setup == (("base", "gpt2(width=128)"), ("rank", "4"))


def test_a_page_is_described_by_the_files_it_is_made_of(page):
    assert [(part.file, part.names) for part in page.parts] == [
        ("models/families/gpt2.py", ("gpt2",)),
        ("nn/attention.py", ("Attention", "AttentionLayer")),
    ]


def test_every_page_that_exists_has_a_citation_two_arms_and_a_claim():
    for entry in catalog.entries():
        if catalog.has_page(entry.slug):
            facts = catalog.page_facts(entry.slug)
            assert all((facts.citation, facts.claim, facts.claims)), entry.slug
            assert len(facts.arms) >= 2, entry.slug
            assert facts.parts, entry.slug


def test_the_catalog_needs_only_the_standard_library():
    code = (
        "import sys, practicum.papers.catalog as c; c.reading_order();"
        "heavy = {'torch', 'numpy', 'sqlalchemy', 'matplotlib', 'rich'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
