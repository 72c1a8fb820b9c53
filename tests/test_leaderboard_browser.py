"""The board in a real browser: from a folder and from a host, with and without scripts."""

import json
import time

import pytest
from scipy.special import stdtrit

from harness.compare import compare
from tests.board_site import READY

pytest_plugins = ("tests.board_browser",)
pytestmark = pytest.mark.slow
PAGES = "index table plots pairs compare samples segments run model models methods papers".split()


def until(holds):
    """Wait for something to come true; Playwright's own waiting for a function needs eval, which the policy forbids."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def sideways(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("base", ["folder", "host"])
def test_every_page_opens(visit, request, base):
    base = request.getfixturevalue("host") if base == "host" else None
    for name in PAGES:
        page = visit(name, base)
        assert page.locator("h1").count() == 1 and page.locator("main").inner_text().strip()
        assert not page.locator("script:not([src])").count() and not page.locator("[onerror], [onload]").count()


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (360, True)])
def test_accessible_and_never_wider_than_the_screen(visit, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra dev)").Axe()
    for name in PAGES:
        page = visit(name, width=width, dark=dark)
        if name in READY:
            page.wait_for_selector(READY[name])
        found = axe.run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
        assert not [(rule["id"], [node["target"] for node in rule["nodes"]][:3]) for rule in found], name
        assert sideways(page) == 0, name


def test_without_scripts(visit, site):
    for name in ("index", "table", "run", "model", "methods", "segments", "papers", "plots", "pairs"):
        page = visit(name, width=360, scripts=False)
        assert page.locator("h1").is_visible() and sideways_without_scripts(page)
        assert not any(found.is_visible() for found in page.locator(".js-only").all())
    page = visit("table", scripts=False)
    assert page.locator("#board tbody tr").count() == 7 and "usable" in page.locator("#board thead").inner_text()
    page.locator("nav[aria-label=Board] a", has_text="Samples").click()
    page.locator(".pages a").first.click()
    stored = next(site.tested[0].parents[2].glob("sandglass_zh_en/openai-gpt-1-prompted*/*/translations.jsonl"))
    assert json.loads(stored.read_text().splitlines()[0])["text"] in page.locator("main").inner_text()


def sideways_without_scripts(page):
    return page.locator("main").bounding_box()["width"] <= 360


# The table


def names(page):
    return [row.locator("th bdi").first.inner_text() for row in page.locator("#board tbody tr:not([hidden])").all()]


def column(page, name):
    at = page.locator("#board thead th").evaluate_all("(all, name) => all.findIndex((c) => c.dataset.c === name)", name)
    return [
        float(cell.evaluate("c => c.firstChild.textContent"))
        for cell in page.locator(f"#board tbody tr:not([hidden]) > :nth-child({at + 1})").all()
    ]


def test_sorting_filtering_and_the_address(visit, site):
    page = visit("table")
    usual = names(page)
    heading = page.locator("#board thead button", has_text="IB")
    heading.click()
    assert column(page, "ib") == sorted(column(page, "ib"), reverse=True)
    assert page.locator("th[aria-sort=descending]").get_attribute("data-c") == "ib"
    heading.click()
    assert column(page, "ib") == sorted(column(page, "ib"))
    page.locator("#q").fill("gpt best")
    assert names(page) == ["openai/gpt-1"] and page.locator("#count").inner_text() == "1 of 7 systems"
    page.locator("#q").fill("")
    page.locator("#trust").select_option("recomputed")
    assert len(names(page)) == 1
    page.locator("#trust").select_option("")
    page.locator("#strategy").select_option("prompted")
    again = visit("table", after=page.evaluate("location.hash"))
    assert column(again, "ib") == sorted(column(page, "ib")) and names(again) == names(page)
    heading.click()
    page.locator("#strategy").select_option("")
    assert names(page) == usual


def test_columns_come_when_asked_for(visit):
    page = visit("table")
    assert page.locator("th[data-c=latency]").count() == 0
    page.locator("#picker summary").click()
    page.locator("#columns label", has_text="seconds").click()
    page.locator("#columns label", has_text="BT-CERR").click()
    assert column(page, "latency") == [0.9] * 7
    assert page.locator("th[data-c=latency]").is_visible() and not page.locator("th[data-c=bt_cerr]").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#columns").is_visible()
    page.locator("#board thead button", has_text="seconds").click()
    again = visit("table", after=page.evaluate("location.hash"))
    again.wait_for_selector("th[data-c=latency][aria-sort]")
    assert not again.locator("th[data-c=bt_cerr]").is_visible()


def test_the_heading_stays_in_sight(visit, site):
    page = visit(f"{site.paths['other']}/index.html", width=360)
    region = page.locator(".tall")
    region.evaluate("r => { r.style.maxHeight = '160px'; r.scrollTo(300, 120); }")
    top, left = region.bounding_box()["y"], region.bounding_box()["x"]
    assert abs(page.locator("#board thead th.name").bounding_box()["y"] - top) < 3
    assert abs(page.locator("#board tbody th.name").first.bounding_box()["x"] - left) < 3


def test_keyboard_alone(visit):
    page = visit("table")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("claude")
    assert set(names(page)) == {"anthropic/claude-1"}, page.locator("#q").input_value()
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.closest('th')?.dataset.c"))
        if seen[-1] == "usable":
            break
    assert seen[-1] == "usable", seen
    page.keyboard.press("Enter")
    until(lambda: page.locator("th[aria-sort]").get_attribute("data-c") == "usable")
    page = visit("samples")
    page.wait_for_selector(READY["samples"])
    first = page.locator("#segment").input_value()
    page.keyboard.press("j")
    until(lambda: page.locator("#segment").input_value() != first)
    page.keyboard.press("ArrowLeft")
    until(lambda: page.locator("#segment").input_value() == first)
    page.keyboard.press("d")
    until(lambda: page.locator("#show").input_value() == "differ")


def test_dark_and_light(visit):
    page = visit("index", dark=True)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("#theme").click()
    light = page.evaluate(background)
    page.reload()
    assert page.evaluate(background) == light != dark
    page.evaluate("localStorage.clear()")


# Comparing


def test_the_comparison_is_that_of_the_command(visit, site):
    board = site.paths["other"]
    index = json.loads(
        (site.out / board / "data" / "index.js").read_text().removeprefix('sandglass.register("index",')[:-3]
    )
    slugs = [run["slug"] for run in index["runs"]]
    by_name = {json.loads((path / "result.json").read_bytes())["model"] + " "
               + json.loads((path / "result.json").read_bytes())["strategy"]: path for path in site.tested}  # fmt: skip
    folders = [by_name[run["label"]] for run in index["runs"]]
    shown = [entry["name"] for entry in index["columns"]]
    report = compare(folders, lambda names: [name for name in shown if name in names])
    page = visit(f"{board}/compare.html", after=f"#runs={','.join(slugs)}")
    page.wait_for_selector("#report table")
    found = page.evaluate(
        """async ([slugs, names]) => {
          const get = (n) => new Promise((d) => sandglass.load('data/' + n + '.js', n, d));
          const index = await get('index'), flips = stats.exchanges(index.counts.length, index.flips, index.stream);
          const scores = await Promise.all(slugs.map((s) => get(s + '-scores')));
          return names.map((m) => scores.slice(1).map((one) => {
            const test = stats.test(one.sums[m], scores[0].sums[m], index.counts, flips);
            return [test.difference, test.p, stats.interval(one.sums[m], scores[0].sums[m], index.counts, 0.95)];
          }));
        }""",
        [slugs, shown],
    )
    checked = 0
    for number, comparison in enumerate(report.comparisons):
        for difference in comparison.differences:
            change, p, ends = found[shown.index(difference.metric)][number]
            assert change == pytest.approx(difference.difference, abs=1e-12)
            assert p == difference.p, difference.metric
            if ends and difference.metric not in ("usable", "ok", "ib", "bt_cerr"):
                assert ends == pytest.approx([difference.low, difference.high], abs=1e-9)
            checked += 1
    assert checked >= 16 and report.test == "cluster sign flip"
    texts = page.locator("#report section p").all_inner_texts()
    for comparison, text in zip(report.comparisons, texts, strict=True):
        flips = [flip for flip in comparison.flips if flip.metric == "usable"]
        gained = sum(flip.value > flip.first for flip in flips)
        assert f"{gained} gained, {len(flips) - gained} lost" in text
    judged = [d for c in report.comparisons for d in c.differences if d.better is not None]
    assert page.locator("#report .good, #report .bad").count() == len(judged) > 0


def test_quantiles_of_t(visit, site):
    page = visit("compare")
    for df in (1.0, 2.7, 11.4, 95.0, 400.0):
        for p in (0.9, 0.975, 0.9995):
            assert page.evaluate("([d, p]) => stats.quantile(d, p)", [df, p]) == pytest.approx(stdtrit(df, p), rel=1e-9)


def test_choosing_systems(visit, site):
    page = visit("table")
    for tick in page.locator(".pick").all()[:3]:
        tick.check()
    page.locator("#compare").click()
    page.wait_for_selector("#report table")
    assert page.locator(".chip").count() == 3 and "compare.html#runs=" in page.url
    page.locator("#chosen select").select_option(index=1)
    until(lambda: page.locator("#report thead th").count() == 5)
    page.locator(".chip button").first.click()
    until(lambda: page.locator("#report thead th").count() == 4)
    again = visit("compare", after=page.evaluate("location.hash"))
    again.wait_for_selector("#report table")
    assert again.locator(".chip").all_inner_texts() == page.locator(".chip").all_inner_texts()
    page.locator("#report summary").first.click()
    page.locator(".flips a").first.click()
    page.wait_for_selector(".out .hyp")
    assert page.locator(".out").count() == 2 and "samples/index.html" in page.url


def test_first_loads_are_light(browser, site, host):
    """Everything a page asks for until it rests, data included."""
    larger = f"{site.paths['other']}/samples/index.html"
    for name in (*PAGES, larger):
        page, asked = browser.new_page(), []
        page.on("request", lambda request, asked=asked: asked.append(request.url.removeprefix(host).partition("#")[0]))
        page.goto(host + site.paths.get(name, name))
        if name in (*READY, larger):
            page.wait_for_selector(READY["compare" if name == "compare" else "samples"])
        assert len(asked) >= 3 and sum((site.out / path).stat().st_size for path in asked) <= 150_000, name
        page.close()
