"""The page in a browser: headless Chromium, driven by keyboard and mouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nsmodel.report.html.judged import Replay
from nsmodel.report.output import DivergenceInfo
from nsmodel.traces.trace import Trace
from tests.report.html.pages import kept, page_of

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync",
)  # fmt: skip
DESK, PHONE = (1440, 900), (390, 844)


def missing() -> str | None:
    """What is not here of what the tests need."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium (pip install '.[test]')"
    gone = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(gone)} (Debian: apt-get install chromium chromium-driver)" if gone else None


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    lacks = missing()
    if lacks is not None:
        pytest.skip(reason=f"no browser: there is no {lacks}")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MP19, the same with a step that differs on the kernel, and a long trace of many mounts and processes."""
    folder = tmp_path_factory.mktemp("pages")
    trace = kept("MP19")
    differs = DivergenceInfo(trace="x", step=4, operation="open_path", expected="0", got="EPERM", what="result")
    (folder / "plain.html").write_text(page_of(trace), encoding="utf-8")
    (folder / "judged.html").write_text(page_of(kept("MP18"), Replay("6.18.9", 3, 0, differs)), encoding="utf-8")
    (folder / "dead.html").write_text(page_of(kept("PD04")), encoding="utf-8")
    (folder / "long.html").write_text(page_of(long_trace()), encoding="utf-8")
    return folder


def long_trace() -> Trace:
    """Forty steps of the whole model, with thirty mounts and more."""
    from nsmodel.kernel.versions import FIXED, switches_of
    from nsmodel.oracle.live.conform import Plan, draw, whole_system
    from nsmodel.traces.record import record

    system = whole_system(FIXED, switches_of(FIXED))
    trace = record(system, draw(system, "4", 40, Plan(1, area="mount")).calls)
    assert max(len(state["mounts"]) for state in trace.states()) >= 30
    return trace


def visit(browser: Chrome, page: Path, size: tuple[int, int] = DESK, scheme: str = "light") -> None:
    """Open a page anew, without what an earlier test kept, and see that it asks nothing of the console."""
    emulate(browser, size, scheme)
    browser.get("about:blank")
    browser.get(page.as_uri())
    browser.execute_script("try { localStorage.clear() } catch {}")


def emulate(browser: Chrome, size: tuple[int, int], scheme: str) -> None:
    wide, high = size
    metrics = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def ask(browser: Chrome, expression: str) -> Any:
    return browser.execute_script(f"return {expression}")


def shown(browser: Chrome) -> list[str]:
    """The steps that are seen."""
    return list(ask(browser, "[...document.querySelectorAll('.step')].filter(s => s.checkVisibility()).map(s => s.id)"))


def press(browser: Chrome, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_it_loads_within_a_second_and_says_nothing_on_the_console(browser: Chrome, pages: Path) -> None:
    for name in ("plain", "long"):
        took = []
        while len(took) < 3 and min(took, default=1000) >= 1000:  # other tests may have the processor
            visit(browser, pages / f"{name}.html")
            took.append(ask(browser, "performance.getEntriesByType('navigation')[0].loadEventEnd"))
        assert 0 < min(took) < 1000, name
        assert ask(browser, "performance.getEntriesByType('resource').length") == 0, "nothing else is loaded"
        browser.get(f"{(pages / f'{name}.html').as_uri()}#step-2")
        assert shown(browser) == ["step-2"]
    assert browser.get_log("browser") == []


def test_stepping_by_keyboard(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    visit(browser, pages / "plain.html")
    assert shown(browser) == ["step-0"]
    keys = {Keys.ARROW_RIGHT: 1, "j": 2, Keys.ARROW_LEFT: 1, "k": 0, Keys.END: 5, "J": 5, Keys.HOME: 0}
    for key, step in keys.items():
        press(browser, key)
        assert shown(browser) == [f"step-{step}"]
        assert ask(browser, "location.hash") == f"#step-{step}"
    press(browser, "j")
    assert "Step 1: P1 mount_change_type(" in ask(browser, "document.getElementById('told').textContent")
    assert ask(browser, "[...document.querySelectorAll('[aria-current]')].map(a => a.hash)") == ["#step-1"]


def test_keys_among_the_calls_and_the_help(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    visit(browser, pages / "plain.html")
    browser.execute_script("document.querySelector('.lanes a').focus()")
    press(browser, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert shown(browser) == ["step-1"]
    assert ask(browser, "document.activeElement.hash") == "#step-1"
    assert ask(browser, "getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is seen"
    press(browser, "?")
    assert ask(browser, "document.getElementById('keys').open")
    press(browser, "j")
    assert shown(browser) == ["step-1"], "under the help nothing moves"
    press(browser, Keys.ESCAPE)
    assert not ask(browser, "document.getElementById('keys').open")


def test_stepping_by_mouse_and_address(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    visit(browser, pages / "plain.html")
    browser.find_element(By.ID, "next").click()
    assert shown(browser) == ["step-1"]
    number = browser.find_element(By.CSS_SELECTOR, ".lanes tbody tr:nth-child(4) .no")
    ActionChains(browser).move_to_element(number).click().perform()
    assert shown(browser) == ["step-3"], "a whole row is the link"
    browser.find_element(By.ID, "last").click()
    assert shown(browser) == ["step-5"]
    assert not browser.find_element(By.ID, "next").is_enabled()
    browser.back()
    assert shown(browser) == ["step-1"], "from where the row was clicked"
    browser.execute_script("location.hash = '#step-4'")
    assert shown(browser) == ["step-4"]


def test_what_stays_is_shown_without_marks(browser: Chrome, pages: Path) -> None:
    visit(browser, pages / "plain.html")
    browser.get(f"{(pages / 'plain.html').as_uri()}#step-4")
    panel = "document.querySelector('#step-4 .panel.mountinfo')"
    assert ask(browser, f"{panel}.querySelector('.like').innerText") == "Unchanged since step 3."
    assert ask(browser, f"{panel}.querySelectorAll('.file li').length") == 4
    assert not ask(browser, f"[...{panel}.querySelectorAll('.badge')].some(b => b.checkVisibility())")
    browser.execute_script(f"{panel}.querySelector('h3 button').click()")
    assert not ask(browser, f"{panel}.querySelector('.body').checkVisibility()")
    press(browser, "k")
    folded = "document.querySelector('#step-3 .panel.mountinfo > h3 button').ariaExpanded"
    assert ask(browser, folded) == "false", "what is folded stays so"


def test_dark_and_light(browser: Chrome, pages: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    visit(browser, pages / "plain.html", scheme="dark")
    dark = ask(browser, paper)
    press(browser, "d")
    light = ask(browser, paper)
    assert dark != light
    emulate(browser, DESK, "light")
    assert ask(browser, paper) == light
    browser.execute_script("document.getElementById('theme').click()")
    assert ask(browser, paper) == dark
    assert ask(browser, "document.getElementById('theme').ariaPressed") == "true"


def test_contrast(browser: Chrome, pages: Path) -> None:
    looked = 0
    for name, steps in (("plain", (1, 3, 5)), ("judged", (3, 4, 5)), ("dead", (4,))):
        visit(browser, pages / f"{name}.html")
        for step, scheme in product(steps, ("light", "dark")):
            emulate(browser, DESK, scheme)
            browser.execute_script(f"location.hash = '#step-{step}'")
            seen, low = browser.execute_script(CONTRAST)
            assert low == [], f"{name}, step {step}, {scheme}"
            looked += seen
    assert looked > 1000


def test_a_phone_scrolls_down_only(browser: Chrome, pages: Path) -> None:
    edge = "Math.max(...[...document.querySelectorAll('.bar button')].map(b => b.getBoundingClientRect().right))"
    for name, steps in (("plain", (0, 5)), ("dead", (4,)), ("long", (40,))):
        visit(browser, pages / f"{name}.html", PHONE)
        for step in steps:
            browser.execute_script(f"location.hash = '#step-{step}'")
            assert shown(browser) == [f"step-{step}"]
            assert ask(browser, "document.documentElement.scrollWidth") == PHONE[0], f"{name}, step {step}"
            assert ask(browser, edge) <= PHONE[0]


def test_on_paper_and_without_the_script_every_step_is_shown(browser: Chrome, pages: Path) -> None:
    every = [f"step-{n}" for n in range(6)]
    visit(browser, pages / "plain.html")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert shown(browser) == every
    assert not ask(browser, "document.querySelector('.bar').checkVisibility()")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get("about:blank")
        browser.get((pages / "plain.html").as_uri())
        tree = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": ["display"]})
        texts = {tree["strings"][i] for i in tree["documents"][0]["layout"]["text"] if i >= 0}
        assert {f"Step {n} of 5" for n in range(1, 6)} <= texts
        assert "Next" not in " ".join(texts)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
