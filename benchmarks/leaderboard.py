"""What building the board costs, how heavy its pages are, and how fast its table answers.

::

    python benchmarks/leaderboard.py [--systems 15 30 60] [--segments 1000] [--workers 2] [--chromium /usr/bin/chromium]

The runs are made up from random numbers (``tests/board_runs.py``): systems on three tasks, with candidates, events,
estimates and a judge's answers. Build time, processor time and memory are those of ``leaderboard.build`` in a process
of its own, its workers included; the first load of a page is its HTML with the styles and scripts it names; sorting
and filtering are timed in a browser from the click to the next painted frame.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.board_runs import systems, write

TASKS = ("sandglass_zh_en", "sandglass_zh_de", "sandglass_zh_es")
BUILD = "import sys; from pathlib import Path; from leaderboard.build import build\n"
BUILD += "build([Path(sys.argv[1])], Path(sys.argv[2]), workers=int(sys.argv[3]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, nargs="+", default=[15, 30, 60])
    parser.add_argument("--segments", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    print("systems  wall s  cpu s  peak MB  site MB  files  table KB  heaviest first load KB")
    for count in args.systems:
        with tempfile.TemporaryDirectory() as folder:
            runs, site = Path(folder) / "runs", Path(folder) / "site"
            specs = systems(count, TASKS, segments=args.segments, videos=96)
            with ProcessPoolExecutor(args.workers) as pool:
                list(pool.map(partial(write, runs), specs))
            wall, cpu, memory = timed([sys.executable, "-c", BUILD, str(runs), str(site), str(args.workers)])
            files = [path for path in site.rglob("*") if path.is_file()]
            loads = {path: first_load(path) for path in files if path.suffix == ".html"}
            heaviest = max(loads, key=lambda path: loads[path])
            table = min(site.glob("*/plots.html")).with_name("index.html")
            weight = sum(path.stat().st_size for path in files) / 1e6
            print(
                f"{count:7}  {wall:6.1f}  {cpu:5.1f}  {memory:7.0f}  {weight:7.0f}  {len(files):5}  "
                f"{loads[table] / 1000:8.0f}  {loads[heaviest] / 1000:.0f} ({heaviest.relative_to(site)})",
                flush=True,
            )
            if count == max(args.systems) and Path(args.chromium).exists():
                for name, took in in_browser(table, args.chromium).items():
                    print(f"{name}: {took:.1f} ms")


def timed(command: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds, and the largest resident set of a process times the workers, in MB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(process.returncode)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, peak / 1e6


def resident(pid: int) -> float:
    """Return the resident bytes of a process and its children (shared pages counted in each)."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0.0
    return own + sum(resident(int(child)) for child in children)


def first_load(page: Path) -> int:
    """Return the bytes of a page and of the styles, scripts and images that it names."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r'<(?:script src|link rel="(?:stylesheet|icon)" href)="([^"]+)"', text)
    return page.stat().st_size + sum((page.parent / name).stat().st_size for name in named)


def in_browser(table: Path, chromium: str) -> dict[str, float]:
    """Return the median milliseconds of an interaction, from the event to the next painted frame."""
    from playwright.sync_api import sync_playwright

    script = """async (what) => {
      const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      const took = [];
      for (let n = 0; n < 15; n += 1) {
        await frame();
        const start = performance.now();
        if (what === 'sort') document.querySelectorAll('#board thead button')[2 + n % 5].click();
        else { q.value = n % 2 ? 'gpt' : ''; q.dispatchEvent(new Event('input')); }
        board.getBoundingClientRect();
        took.push(performance.now() - start);
      }
      return took.sort((a, b) => a - b)[7];
    }"""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(table.as_uri())
        found = {name: float(page.evaluate(script, name)) for name in ("sort", "filter")}
        browser.close()
    return found


if __name__ == "__main__":
    main()
