"""`run` computes and judges a page, `report` shows the store, `list` and `show` know of it."""

import json
import shutil
import sys

import pytest
from click.testing import CliRunner

from practicum import papers
from practicum.cli import verdicts
from practicum.cli.main import practicum
from practicum.errors import ConfigError, PracticumError, UnknownName
from practicum.papers import catalog

PAGE = '''"""A page <for> tests (Nobody 2024).

More is more:  y = x + 1   (eq. 1)
Claim: the high arm scores <higher>.
"""
from dataclasses import dataclass

from practicum.events import Metric, Progress, emit
from practicum.lab.paper import Claim, Paper


@dataclass(frozen=True, kw_only=True)
class Setup:
    steps: int = 3
    high: float = 2.0


ARMS = ("high", "control")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    for step in range(setup.steps):
        emit(Metric(name="loss", value=1.0 / (step + 1), step=step))
        emit(Progress(task="training", done=step + 1, total=setup.steps))
    if setup.high < 0:
        raise ValueError("negative <score>")
    return {"score": (setup.high if arm == "high" else 1.0) + 0.01 * seed}


PAPER = Paper(run=run, arms=ARMS, presets={"smoke": Setup(steps=1), "cpu": Setup()}, claims=(
    Claim("high beats control by <half>", at_least=0.5, source="Table 1",
          value=lambda r: r.high.score - r.control.score),))
'''


@pytest.fixture(autouse=True)
def page(tmp_path, monkeypatch):
    """A home of its own, and a room of papers whose only page is `minerva`."""
    room = tmp_path / "papers"
    room.mkdir()
    (room / "minerva.py").write_text(PAGE, encoding="utf-8")
    shutil.copy(catalog.FOLDER / "catalog.toml", room)
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PRACTICUM_STORE", raising=False)
    monkeypatch.setattr(catalog, "FOLDER", room)
    monkeypatch.setattr(verdicts, "SHIPPED", tmp_path / "results")
    catalog.page_facts.cache_clear()
    monkeypatch.setattr(papers, "__path__", [str(room)])
    monkeypatch.delitem(sys.modules, "practicum.papers.minerva", raising=False)
    yield room / "minerva.py"
    sys.modules.pop("practicum.papers.minerva", None)
    catalog.page_facts.cache_clear()


def call(*arguments):
    """The output of a call that must go well."""
    result = CliRunner().invoke(practicum, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments):
    """What a call that must not go well raised for the shell to show."""
    problem = CliRunner().invoke(practicum, arguments).exception
    assert isinstance(problem, PracticumError), problem
    return problem


def states():
    return {row["slug"]: row["state"] for row in json.loads(call("list", "--json"))}


def test_a_page_is_run_and_its_claims_are_judged():
    assert "holds" in call("run", "minerva", "--seeds", "3")
    verdict = json.loads(call("run", "minerva", "--seeds", "3", "--json"))
    assert verdict["state"] == "holds"
    assert verdict["claims"][0]["values"] == pytest.approx([1.0, 1.0, 1.0])


def test_one_seed_leaves_the_claim_open():
    assert "open" in call("run", "minerva", "--seeds", "1")


def test_a_field_of_the_setup_can_be_set():
    verdict = json.loads(call("run", "minerva", "--seeds", "2", "--set", "high=1.2", "--json"))
    assert verdict["state"] == "fails"
    assert verdict["origin"]["setup"]["high"] == 1.2


def test_an_experiment_with_set_fields_is_not_the_verdict_of_the_entry():
    call("run", "minerva", "--seeds", "2", "--set", "high=1.2")
    assert states()["minerva"] == "unread"


def test_listing_and_showing_know_the_last_verdict(page):
    assert states()["minerva"] == "unread"
    assert states()["gpt2"] == "no page"
    assert "none yet" in call("show", "minerva")
    call("run", "minerva", "--seeds", "2")
    assert states()["minerva"] == "holds"
    assert "high beats control by <half>: 1, asked at least 0.5" in call("show", "minerva")
    page.write_text(PAGE.replace("at_least=0.5", "at_least=0.9"), encoding="utf-8")
    assert states()["minerva"] == "stale"
    assert "the page changed since" in call("show", "minerva")


def test_what_is_stale_is_computed_once_until_a_file_changes(page, monkeypatch):
    call("run", "minerva", "--seeds", "2")
    assert states()["minerva"] == "holds"
    with monkeypatch.context() as patch:
        patch.setattr(verdicts, "code_fingerprint", lambda _: pytest.fail("computed again"))
        assert states()["minerva"] == "holds"
    page.write_text(PAGE.replace("0.01", "0.02"), encoding="utf-8")
    assert states()["minerva"] == "stale"


def test_a_smoke_verdict_does_not_hide_a_whole_one():
    call("run", "minerva", "--seeds", "2")
    call("run", "minerva", "--preset", "smoke")
    assert states()["minerva"] == "holds"


def test_a_smoke_verdict_is_shown_but_does_not_count_as_tried():
    call("run", "minerva", "--preset", "smoke", "--seeds", "2")
    assert states()["minerva"] == "unread"
    assert "smoke" in call("show", "minerva")
    assert "practicum run minerva" in call("run")


def test_without_a_slug_the_next_unread_entry_is_proposed():
    said = call("run")
    assert "short-intro-ml" in said
    assert "practicum run minerva" in said
    call("run", "minerva", "--seeds", "2")
    assert "no unread entry has a page yet" in call("run")


def test_a_run_that_fails_is_said_and_is_the_exit_status():
    result = CliRunner().invoke(practicum, ["run", "minerva", "--seeds", "2", "--set", "high=-1"])
    assert result.exit_code == 1
    assert "negative <score>" in result.output
    assert "invalid" in result.output


def test_a_report_is_one_file_with_claim_numbers_pictures_and_configuration(tmp_path):
    call("run", "minerva", "--seeds", "3")
    html = (tmp_path / "r.html", call("report", "minerva", "--output", str(tmp_path / "r.html")))
    text = html[0].read_text(encoding="utf-8")
    assert "<for>" not in text
    assert "high beats control by &lt;half&gt;" in text
    assert "data:image/png;base64," in text
    assert "high=2.0" in text
    assert "torch" in text
    for other in ('src="http', "<link", "<script"):
        assert other not in text


def test_a_report_without_a_verdict_says_what_to_do():
    assert "practicum run minerva" in str(refusal("report", "minerva"))


def test_the_scoreboard_has_every_entry_and_leads_to_the_reports(tmp_path):
    call("run", "minerva", "--seeds", "2")
    call("report", "--all", "--output", str(tmp_path / "site"))
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert text.count('<span class="dim">no page</span>') == 87
    assert 'href="minerva.html"' in text
    assert (tmp_path / "site" / "minerva.html").exists()


def test_a_verdict_that_came_with_the_code_is_shown_and_reported(tmp_path, monkeypatch):
    call("run", "minerva", "--seeds", "2", "--export", str(tmp_path / "results"))
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "another"))
    assert (tmp_path / "results" / "minerva-claims.png").exists()
    assert states()["minerva"] == "holds"
    call("report", "minerva", "--output", str(tmp_path / "r.html"))
    assert "data:image/png;base64," in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_mistakes_are_named():
    assert isinstance(refusal("run", "mistrl"), UnknownName)
    assert "no page yet" in str(refusal("run", "gpt2"))
    assert "Setup has no 'stps'; it has steps, high" in str(
        refusal("run", "minerva", "--set", "stps=3")
    )
    assert "expected a whole number" in str(refusal("run", "minerva", "--set", "steps=many"))
    assert isinstance(refusal("run", "minerva", "--set", "steps"), ConfigError)
    assert "preset" in str(refusal("run", "minerva", "--preset", "gpu"))
    assert "0 workers" in str(refusal("run", "minerva", "--workers", "0"))
    assert "--all" in str(refusal("report"))
