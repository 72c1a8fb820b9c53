"""What the board shows of stored texts, hostile ones planted among them, in a real browser."""

import http.server
import json
import re
import threading

import pytest

from tests.board_site import ATTACK, DEMO, OPEN, READY

pytest_plugins = ("tests.board_browser",)
pytestmark = pytest.mark.slow


def test_a_sample_shows_all_that_was_stored(visit, site):
    folder = next(site.tested[0].parents[2].glob("sandglass_zh_en/openai-gpt-1-best-of-n*/*"))
    slug = next(path.stem for path in (site.out / site.paths["table"]).parent.glob("runs/openai-gpt-1-best-of-n*"))
    stored = {name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
              for name in ("segments", "translations", "back_translations", "events")}  # fmt: skip
    id_ = stored["back_translations"][1]["id"]
    page = visit("samples", after=f"#runs={slug}&segment={id_}")
    page.wait_for_selector(".out .hyp")
    segment = next(line for line in stored["segments"] if line["id"] == id_)
    hypothesis = next(line for line in stored["translations"] if line["id"] == id_)
    text = page.locator("#sample").evaluate(OPEN)
    for words in (segment["text"], *segment["before"], *segment["after"], segment["reference"], hypothesis["text"],
                  stored["back_translations"][1]["text"], *(c["text"] for c in hypothesis["candidates"])):  # fmt: skip
        assert words in text
    assert re.search("kept: |lost: ", text) and "reads well" in text and "syllables, budget" in text


def test_hostile_text_is_only_text(visit, site):
    """Each planted text is seen as it is, hidden characters as their numbers; visit() holds that nothing ran."""
    hostile = site.paths["hostile"]
    numbered = "a⟨U+202E⟩b⟨U+2066⟩c⟨U+0007⟩d⟨U+200B⟩e⟨U+2028⟩f"
    seen = (ATTACK, numbered, "broken ⟨U+D800⟩ half", "⟨98,000 more characters⟩", "שלום (right) to left")
    plain = visit("segments").locator("main").inner_text()
    for number, planted in enumerate(seen):
        page = visit("samples", after=f"#runs={hostile}&segment={number:05}")
        page.wait_for_selector(".out .hyp")
        assert planted in page.locator(".out .hyp").inner_text()
        assert planted in plain
    page = visit("samples", after=f"#runs={hostile}&segment=00000")
    page.wait_for_selector(".out .hyp")
    text = page.locator(".out").evaluate(OPEN)
    assert text.count(ATTACK) >= 6
    for name in ("table", "run", "model", "index", "plots", "pairs", "compare"):
        page = visit(name)
        assert "pwned=1</script>" in page.locator("main").inner_text() or name in ("index", "compare"), name
        assert page.locator("main script, main img, main iframe, main object").count() == 0
        assert page.locator("a[href^='javascript']").count() == 0


def test_an_address_cannot_name_other_files(visit, site):
    page = visit("samples", after="#runs=../../../etc/passwd,https://example.org/x&segment=%3Cscript%3E&show=all%22")
    page.wait_for_selector(".out .hyp")
    own = {path.stem for path in (site.out / site.paths["table"]).parent.glob("runs/*.html")}
    assert page.locator("#sample").inner_text() and "<script>" not in page.locator("#sample").inner_text()
    assert set(re.findall(r"runs/([\w.-]+)\.html", page.locator("main").inner_html())) <= own
    page = visit("table", after="#sort=constructor&columns=__proto__,toString&strategy=%3Cb%3E&q=%3Cscript%3E")
    assert page.locator("#q").input_value() == "<script>" and "pwned" in page.locator("#board tbody").inner_text()


HOLE = """(stranger) => {
  document.querySelector('main').innerHTML = '<img src=x onerror="pwned=1"><p style="color:red">a</p><img src="'
    + stranger + 'leak.png"><iframe src="' + stranger + '"></iframe><a ping="' + stranger + '" href="#">b</a>';
  const script = document.createElement('script');
  script.textContent = 'pwned=2';
  document.body.append(script);
  fetch(stranger + 'leak').catch(() => {});
}"""


def test_the_policy_holds(browser, site, host):
    """What a hole in the escaping would let in is stopped by the page's Content-Security-Policy."""
    asked = []

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    stranger = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    for base in (site.out.as_uri() + "/", host):
        page, refused = browser.new_page(), []
        page.on("console", lambda message, refused=refused: refused.append(message.text))
        page.goto(base + site.paths["run"])
        page.evaluate(HOLE, f"http://127.0.0.1:{stranger.server_port}/")
        page.wait_for_timeout(150)
        assert page.evaluate("typeof pwned") == "undefined" and not asked
        assert page.evaluate("getComputedStyle(document.querySelector('main p')).color") != "rgb(255, 0, 0)"
        assert sum("Content Security Policy" in text for text in refused) >= 5
        page.close()
    stranger.shutdown()
    stranger.server_close()


def test_a_demonstration_is_called_one_wherever_its_numbers_show(visit, site):
    for name in ("index", "table", "plots", "pairs"):
        assert DEMO in visit(name).locator("main").inner_text(), name
    slug = next(path.stem for path in (site.out / site.paths["table"]).parent.glob("runs/local-small*"))
    other = next(path.stem for path in (site.out / site.paths["table"]).parent.glob("runs/openai*"))
    for name, ready in READY.items():
        page = visit(name, after=f"#runs={slug},{other}")
        page.wait_for_selector(ready)
        assert DEMO in page.locator("main").inner_text()
    model = next(path for path in (site.out / "models").iterdir() if path.name.startswith("local-small"))
    assert DEMO in visit(f"models/{model.name}").locator("main").inner_text()
