"""Fixtures of the browser test: a Chromium, or a reason; and a picture of what failed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import NO_BROWSER, Tab, find_chromium

SCREENSHOTS = Path(__file__).parents[2] / "build" / "browser"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the test is skipped, or fails where CI requires it."""
    found = find_chromium()
    if found is None:
        if os.environ.get("COURSEKIT_REQUIRE_BROWSER") == "1":
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Save what the browser showed when a test failed."""
    report: pytest.TestReport = yield  # type: ignore[assignment, misc]
    found = [getattr(value, "tab", None) for value in getattr(item, "funcargs", {}).values()]
    for tab in found if report.failed and call.when == "call" else ():
        if isinstance(tab, Tab):
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            path = SCREENSHOTS / f"{item.name}.png"
            tab.page.screenshot(path=path)
            report.sections.append(("screenshot", str(path)))
    return report  # type: ignore[return-value]
