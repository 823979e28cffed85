"""The page of a run: complete in itself, escaped, and only of finished runs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.errors import RunFolderError
from nas_rlm.report.summary import report_page, write_report
from nas_rlm.search.outcome import (
    Agreement,
    CheckedValue,
    FrontQuality,
    FrontRow,
    SearchOutcome,
)

X, Y = "latency_ms/local", "accuracy_percent/cifar10"
CONFIG = {"maximize": [Y], "minimize": [X], "budgets": ["latency_ms/local<=3"]}


def outcome(**changes: Any) -> SearchOutcome:
    values = {Y: CheckedValue(90.0, 89.0, 91.0, 90.5, 90.1, 90.9), X: CheckedValue(2, 1, 3, 2.5)}
    plain: dict[str, Any] = {
        "space": "nasbench201",
        "surrogate": "rlm",
        "seed": 7,
        "metrics": (Y, X),
        "level": 0.8,
        "candidates": 1234,
        "front": (FrontRow("|<script>~0|", "0" * 16, "", values),),
        "agreement": (Agreement(Y, 0.8125, 400, "all of them"),),
        "quality": (FrontQuality((Y, "params"), 0.9876, "the whole space"),),
        "seconds": {"walk": 12.5, "train": 30.0},
        "notes": ("A note <b>.",),
    }
    return SearchOutcome(**{**plain, **changes})


def parts(found: SearchOutcome) -> dict[str, Any]:
    rows = json.loads(json.dumps(found.to_mapping()))["front"]
    pairs = {"predicted": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5], "true": [1.0, 2.5]}
    return {
        "checked": [{"is_front": True, **row} for row in rows],
        "pairs": [{"metric": Y, "scope": "all of them", "n": 2, **pairs}],
        "config": CONFIG,
        "environment": {"machine": {"cpu_model": "A & B"}, "versions": {"torch": "2.13.0"}},
    }


def page(**changes: Any) -> str:
    found = outcome(**changes)
    return report_page(found, **parts(found))


class Balance(HTMLParser):
    """Counts open elements and keeps what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """SVG elements without content."""


def test_page_is_well_formed_and_fetches_nothing() -> None:
    parser = Balance()
    parser.feed(page())
    assert parser.open == []
    assert parser.fetched == []
    assert "@import" not in page()
    assert "url(" not in page()


def test_page_says_what_was_found() -> None:
    text = re.sub(r"<[^>]*>", "", page())
    for fact in ("1234", "0.812", "98.8%", "42 s", "12.5 s", "seed 7", "budget latency_ms/local"):
        assert fact in text, fact
    assert "90.10 .. 90.90" in text
    assert "2.13.0" in text


def test_strings_are_escaped() -> None:
    content = page()
    assert "<script" not in content
    assert "A note &lt;b&gt;." in content
    assert "A &amp; B" in content


def test_both_colour_schemes_are_styled() -> None:
    assert "prefers-color-scheme: dark" in page()


def test_one_objective_and_no_pairs_make_a_page() -> None:
    found = outcome(metrics=(Y,), agreement=(), quality=(), notes=())
    content = report_page(found, checked=[], pairs=[], config={"maximize": [Y]}, environment={})
    assert "predicted and checked" not in content
    assert "90.00" in content


def stored(folder: Path) -> Path:
    found = outcome()
    files = {"outcome": found.to_mapping(), **parts(found)}
    checked = files.pop("checked")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "checked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in checked))
    return folder


def test_page_is_made_from_the_folder_alone_and_again(tmp_path: Path) -> None:
    path = write_report(stored(tmp_path))
    first = path.read_bytes()
    assert first.decode() == page()
    assert write_report(tmp_path).read_bytes() == first
    assert not list(tmp_path.glob(".partial-*"))


def test_an_unfinished_or_damaged_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no finished search: outcome\.json is missing"):
        write_report(tmp_path)
    (stored(tmp_path) / "pairs.json").write_text("[")
    with pytest.raises(RunFolderError, match="is damaged"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
