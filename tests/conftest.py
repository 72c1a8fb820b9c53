"""What all tests share: no network but loopback, and where the corpora would be."""

import ipaddress
import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

# No test hangs on the clock: a busy machine may take long over one example.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

# Servers on loopback stand in for the Hub; a user's own setting must not shut them out.
os.environ.pop("HF_HUB_OFFLINE", None)

CORPORA = Path(os.environ.get("SANDGLASS_CORPORA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch):
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise OSError(f"tests may not connect to {host}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Give every test a cache folder of its own; the embedded model's file is shared by all."""
    shared = tmp_path_factory.getbasetemp() / "cache"
    folder = tmp_path_factory.mktemp("cache")
    (shared / "models").mkdir(parents=True, exist_ok=True)
    (folder / "models").symlink_to(shared / "models")
    monkeypatch.setenv("SANDGLASS_CACHE", str(folder))
    return folder


@pytest.fixture
def sandglass_json():
    """The published Sandglass.json, which is never part of this project."""
    path = CORPORA / "sandglass-v1" / "Sandglass.json"
    if not path.exists():
        pytest.skip("the published Sandglass.json is not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    return path


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session, exitstatus):
    """Where SANDGLASS_REQUIRE_ALL is set, as in CI, only tests whose corpora are absent may skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("SANDGLASS_REQUIRE_ALL"):
        return
    reasons = {str(report.longrepr) for report in reporter.stats.get("skipped", [])}
    missing = sorted(reason for reason in reasons if "SANDGLASS_CORPORA" not in reason)
    for reason in missing:
        reporter.write_line(f"\nskipped, but required here: {reason}", red=True)
    if missing and exitstatus == 0:
        session.exitstatus = 1
