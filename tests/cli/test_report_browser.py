"""The page of ``gantool report`` in a real browser: what is drawn, what moves, and that nothing is asked for."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from gantool.cli.main import run

sync_api = pytest.importorskip("playwright.sync_api", exc_type=ImportError)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

STEPS = range(10, 310, 10)
WIDE, NARROW = {"width": 1200, "height": 900}, {"width": 360, "height": 780}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of a run with 31 grids, a finding and an evaluation, as a file."""
    folder = tmp_path_factory.mktemp("report") / "run"
    (folder / "samples").mkdir(parents=True)
    rows = [
        {"step": step, "images": step, "seconds": step, "rate": 5.0, "loss_d": 1 / step, "loss_g": step**0.5}
        | {"vitals": {"coverage": (step / 300) ** 2, "slope_d": 10.0 ** -(step / 50)}}
        for step in STEPS
    ]
    rows.append(
        {"step": 150, "finding": "mode-collapse", "seen": "seen", "try": f"gantool train {'--flag value ' * 30}"}
    )
    rows.append({"step": 300, "evaluation": {"<b>fid": 3.5}, "by": "a"})
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for index in range(31):
        Image.new("RGB", (400, 300), (8 * index, 0, 0)).save(folder / "samples" / f"step-{10 * index:08d}.png")
    resolved = '[resolved.arch]\nname = "mlp"\n' + "".join(f'option_number_{n} = "{"x" * 80}"\n' for n in range(9))
    (folder / "config.toml").write_text(resolved)
    with pytest.raises(SystemExit) as stopped:
        run(["report", str(folder)])
    assert stopped.value.code == 0
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser, address):
    """Return a function that opens the page; afterwards it has complained of nothing and asked for nothing else."""
    opened, complaints, requests = [], [], []

    def call(viewport, scheme="light"):
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        opened.append(page)
        return page

    yield call
    assert opened
    for page in opened:
        page.close()
    assert complaints == []
    assert {url for url in requests if not url.startswith("data:")} == {address}


def visible(page):
    """Return the grids that are seen, by their alternative texts."""
    return page.eval_on_selector_all(
        "[data-step]", "all => all.filter(one => one.checkVisibility()).map(one => one.alt)"
    )


def test_the_slider_changes_the_picture_by_keyboard_and_says_its_step(visit):
    page = visit(WIDE)
    slider = page.locator("#slider")
    assert visible(page) == ["Samples at step 300"]
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert visible(page) == ["Samples at step 290"]
    assert slider.get_attribute("aria-valuetext") == page.locator("#at").inner_text() == "Step 290"
    before = page.locator("figure:has(#slider)").screenshot()
    page.keyboard.press("Home")
    assert visible(page) == ["Samples at step 0"]
    assert page.locator("figure:has(#slider)").screenshot() != before
    assert page.eval_on_selector("[data-step]:not([hidden])", "one => one.complete && one.naturalWidth") == 400


def test_the_slider_follows_the_mouse_and_a_click_on_a_curve(visit):
    page = visit(WIDE)
    box = page.locator("#slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert visible(page) == ["Samples at step 150"]
    plot = page.locator("svg.plot").first
    box = plot.bounding_box()
    plot.click(position={"x": 51, "y": box["height"] / 2})
    assert visible(page) == ["Samples at step 0"]


def test_play_goes_through_the_grids_and_stops(visit):
    page = visit(WIDE)
    page.clock.install(time=0)
    page.clock.pause_at(10_000)
    button = page.locator("#play")
    button.click()
    assert (button.inner_text(), visible(page)) == ("Stop", ["Samples at step 0"])
    page.clock.run_for(500)
    assert visible(page) == ["Samples at step 30"]
    button.click()
    page.clock.run_for(500)
    assert (button.inner_text(), visible(page)) == ("Play", ["Samples at step 30"])
    button.click()
    page.clock.run_for(10_000)
    assert (button.inner_text(), visible(page)) == ("Play", ["Samples at step 300"])


def test_every_curve_is_drawn_within_its_axes_with_the_finding_on_it(visit):
    page = visit(WIDE)
    charts = page.locator("[data-chart]")
    titles = [charts.nth(index).locator("h3").inner_text() for index in range(charts.count())]
    assert titles == ["Losses", "Variety", "Slopes of the losses", "<b>fid", "Speed"]
    for index, title in enumerate(titles):
        plot = charts.nth(index).locator("svg.plot")
        paths = plot.locator("path")
        assert paths.count() == (2 if title == "Losses" else 1)
        points = [paths.nth(path).get_attribute("d").count(" ") for path in range(paths.count())]
        assert points == ([1] if title == "<b>fid" else [len(STEPS)] * paths.count())
        inside = "svg => [...svg.querySelectorAll('path')].every(path => { const a = path.getBoundingClientRect(), "
        inside += "b = svg.getBoundingClientRect(); return a.left >= b.left && a.right <= b.right && a.top >= b.top "
        assert plot.evaluate(inside + "&& a.bottom <= b.bottom; })")
        assert plot.locator(".mark").count() == 1
        assert plot.locator("text").evaluate_all("all => all.every(one => !/NaN|Infinity/.test(one.textContent))")


def test_the_numbers_follow_the_pointer_and_go_back_to_the_slider(visit):
    page = visit(WIDE)
    values = page.locator("[data-chart='0'] .legend b")
    assert values.all_inner_texts() == ["0.003333", "17.32"]
    plot = page.locator("svg.plot").first
    box = plot.bounding_box()
    plot.hover(position={"x": 52, "y": box["height"] / 2})
    assert values.all_inner_texts() == ["0.1", "3.162"]
    assert page.locator("[data-chart='1'] .legend b").inner_text() == "0.001111"
    page.mouse.move(5, 5)
    assert values.all_inner_texts() == ["0.003333", "17.32"]


def test_a_wide_range_is_drawn_over_a_logarithm_unless_a_person_says_otherwise(visit):
    page = visit(WIDE)
    chosen = page.locator("[data-chart] input").evaluate_all("all => all.map(one => one.checked)")
    assert chosen == [True, False, True, False, False]
    path = page.locator("[data-chart='2'] path")
    straight = path.get_attribute("d")
    page.locator("[data-chart='2'] input").uncheck()
    assert path.get_attribute("d") != straight


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_nothing_runs_past_the_side_of_the_screen(visit, viewport):
    page = visit(viewport)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    right = "all => Math.max(...all.map(one => one.getBoundingClientRect().right))"
    assert page.locator("h1, h2, h3, p, figure, .card, img:not([hidden]), svg").evaluate_all(right) <= viewport["width"]


@pytest.mark.parametrize(("scheme", "background"), [("light", range(240, 256)), ("dark", range(40))])
def test_the_background_follows_the_reader_and_text_stands_out_from_it(visit, scheme, background):
    page = visit(WIDE, scheme)
    levels = "name => getComputedStyle(document.body)[name].match(/\\d+/g).slice(0, 3).map(Number)"
    back, ink = (page.evaluate(f"({levels})('{name}')") for name in ("backgroundColor", "color"))
    assert all(level in background for level in back)
    assert min(abs(a - b) for a, b in zip(back, ink, strict=True)) > 150


def test_without_a_script_the_last_grid_and_what_the_curves_say_are_there(browser, address):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert page.locator("[data-step]:visible").get_attribute("alt") == "Samples at step 300"
        said = page.locator("svg.plot").first.get_attribute("aria-label")
        assert said == "Losses: discriminator 0.1 at step 10, 0.003333 at step 300; " + (
            "generator 3.162 at step 10, 17.32 at step 300"
        )


def test_a_printed_page_has_no_controls(visit):
    page = visit(WIDE)
    page.emulate_media(media="print")
    assert page.locator(".controls:visible, .log:visible").count() == 0
    assert page.locator("[data-step]:visible").count() == 1
