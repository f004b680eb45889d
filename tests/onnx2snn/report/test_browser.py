"""A report in headless Chromium: nothing is asked of a network, nothing goes wrong, all is drawn, keys work."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data.readers import Samples
from onnx2snn.report.writing import write_report
from tests.onnx2snn.report.browser import Browser, chromium
from tests.onnx2snn.report.test_writing import HOSTILE, hostile
from tests.runtime.networks import CNN, sample

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")]
FIRST_PLOT = 2000.0
"""Milliseconds from navigation to the first plot."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("plotly")
    snn = hostile(CNN)
    data = sample(snn, 12)
    file = tmp_path_factory.mktemp("report") / "r.html"
    write_report(snn, Samples(data, np.arange(12) % 3, 12), file, [1, 2, 4], title=HOSTILE)
    return file


@pytest.fixture
def browser(page: Path) -> Iterator[Browser]:
    with Browser() as made:
        made.prefer("light")
        made.open(page)
        yield made
        assert made.errors == []
        assert [url for url in made.requests if not url.startswith(("file:", "data:"))] == []


def test_everything_is_drawn_and_the_first_plot_at_once(browser: Browser, page: Path) -> None:
    times = []
    for _ in range(3):  # the machine may be busy
        browser.open(page)
        times.append(browser.run("performance.getEntriesByName('first-plot')[0].startTime"))
    assert min(times) <= FIRST_PLOT
    browser.run("[...plots.keys()].forEach(draw)")
    assert browser.run("document.querySelectorAll('.js-plotly-plot').length") == browser.run("plots.size")
    assert browser.run("document.querySelectorAll('.node.population').length") == 2
    assert browser.run("document.querySelectorAll('#table-populations tbody tr').length") == 2
    assert browser.run("document.querySelectorAll('#samples li').length") > 0


def test_hostile_names_are_shown_as_text(browser: Browser) -> None:
    browser.run("[...plots.keys()].forEach(draw)")
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0
    assert browser.run("document.title").startswith(HOSTILE)
    assert HOSTILE in browser.run(
        "document.querySelector('#population option').textContent + facts.populations[0].name"
    )


def test_the_slider_and_the_graph_work_by_keys(browser: Browser) -> None:
    assert browser.run("$('slider-value').textContent") == "T=2"
    before = browser.run("$('table-populations').textContent")
    browser.run("$('slider').focus()")
    browser.press("ArrowRight", 39)
    assert browser.run("$('slider-value').textContent") == "T=4"
    assert browser.run("$('table-populations').textContent") != before
    browser.run("document.querySelectorAll('.node.population')[1].focus()")
    assert browser.run("$('tip').hidden") is False
    browser.press("Enter", 13)
    assert browser.run("$('population').value") == "1"
    assert browser.run("document.querySelectorAll('.node.chosen').length") == 1
    box = browser.run("document.querySelector('#graph svg').getAttribute('viewBox')")
    browser.run("document.querySelector('#graph svg').focus()")
    browser.press("ArrowRight", 39)
    assert browser.run("document.querySelector('#graph svg').getAttribute('viewBox')") != box


def test_colours_follow_the_measure_and_the_table_sorts(browser: Browser) -> None:
    fill = "getComputedStyle(document.querySelectorAll('.node.population .body')[1]).fill"
    before = browser.run(fill)
    browser.run("$('colour').value = 'silent'; $('colour').dispatchEvent(new Event('change'))")
    assert browser.run(fill) != before
    browser.run("document.querySelectorAll('#table-populations th button')[2].click()")
    assert (
        browser.run("document.querySelectorAll('#table-populations th')[2].getAttribute('aria-sort')") == "descending"
    )


def test_light_dark_and_print(browser: Browser) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(background)
    browser.run("$('theme').click()")
    assert browser.run("document.documentElement.dataset.theme") == "dark"
    assert browser.run(background) != light
    browser.prefer("light")
    assert browser.pdf().startswith(b"%PDF")


def test_a_dark_system_gets_a_dark_page(page: Path) -> None:
    with Browser() as made:
        made.prefer("dark")
        made.open(page)
        assert made.run("document.documentElement.dataset.theme") == "dark"
        assert made.errors == []
