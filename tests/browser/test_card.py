"""The card of symptoms, printed by a browser."""

import re
from pathlib import Path

from playwright.sync_api import sync_playwright

from coursekit.cli import main
from coursekit.symptoms import SYMPTOMS
from tests.browser.lab import CHROMIUM_FLAGS


def test_it_prints_on_one_sheet_of_a4(chromium: str, tmp_path: Path) -> None:
    card, printed = tmp_path / "card.html", tmp_path / "card.pdf"
    assert main(["symptoms", "--card", str(card)]) == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        page = browser.new_page()
        page.goto(card.as_uri())
        shown = page.locator("h2").all_inner_texts()
        page.pdf(path=printed, prefer_css_page_size=True)
        browser.close()
    assert shown == [symptom.words for symptom in SYMPTOMS]
    sheets = re.findall(rb"/Type\s*/Page\b", printed.read_bytes())
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed.read_bytes())
    assert len(sheets) == 1
    assert [round(float(side) / 72 * 25.4) for side in box] == [297, 210]  # landscape, millimetres
