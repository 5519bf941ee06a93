"""Every page keeps its promises: a citation, two arms, sources for its claims, a run in seconds."""

import pytest

from practicum.lab.executor import InProcess
from practicum.lab.store import Store
from practicum.lab.study import plan, study
from practicum.papers.catalog import FOLDER, entries, has_page, load_page, page_facts

PAGES = [entry.slug for entry in entries() if has_page(entry.slug)]
NOT_PAGES = {"__init__", "catalog"}


def test_the_list_has_all_its_entries():
    assert len(entries()) == 88
    assert len({entry.slug for entry in entries()}) == 88


def test_every_page_is_of_an_entry():
    files = {
        path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem not in NOT_PAGES
    }
    assert files == set(PAGES)


@pytest.mark.parametrize("slug", PAGES)
def test_a_page_says_what_it_tries_and_against_what(slug):
    facts, paper = page_facts(slug), load_page(slug)
    assert facts.citation
    assert facts.claim
    assert facts.arms == paper.arms, "what `show` reads is what runs"
    assert len(paper.arms) >= 2, "a claim needs a control"
    assert {"smoke", "cpu"} <= paper.presets.keys()
    assert all(claim.source for claim in paper.claims), "a threshold has a source"
    assert paper.run.__module__ == f"practicum.papers.{slug.replace('-', '_')}"


@pytest.mark.parametrize("slug", PAGES)
def test_the_smoke_preset_runs_from_nothing_to_a_verdict(slug, tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path))  # where there is no asset at all
    paper = load_page(slug)
    # A claim that asks for an arm or a number that no run gives raises here.
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        study(paper, plan(paper, slug, "smoke"), executor=InProcess(), store=store)
        rows = store.rows(store.studies(slug)[0].id, arms=paper.arms)
        pictures = store.pictures(store.studies(slug)[0].id)
    assert [run.error for run in rows.runs if run.state != "done"] == []
    assert pictures, "every page has a picture"
