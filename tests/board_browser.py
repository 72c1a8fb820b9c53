"""The board in a real browser: a site with planted texts, a host, and pages that hold what all must hold."""

import functools
import http.server
import os
import shutil
import threading
from types import SimpleNamespace

import pytest

from tests.board_site import make_site

CHROMIUM = os.environ.get("SANDGLASS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def host(site):
    """The same site behind a server on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.out))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium, or set SANDGLASS_CHROMIUM)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def contexts(browser):
    """One context a kind of screen, made when it is first asked for."""

    @functools.cache
    def context(width, dark, scripts):
        return browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )

    return context


@pytest.fixture
def visit(contexts, site):
    """Open pages and, at the end, hold that nothing was complained of, left the site or ran that should not have."""
    opened = []

    def open_page(name, base=None, width=1440, dark=False, scripts=True, after=""):
        page = contexts(width, dark, scripts).new_page()
        found = SimpleNamespace(complaints=[], asked=[])
        page.on("console", lambda message: found.complaints.append(message.text))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("dialog", lambda dialog: found.complaints.append(dialog.message))
        page.on("request", lambda request: found.asked.append(request.url))
        base = base or site.out.as_uri() + "/"
        page.goto(base + site.paths.get(name, name) + after)
        opened.append((page, found, base))
        return page

    yield open_page
    for page, found, base in opened:
        assert found.complaints == []
        assert all(url.startswith((base, "data:")) for url in found.asked)
        assert page.evaluate("typeof pwned") == "undefined"
        page.close()
