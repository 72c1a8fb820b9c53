"""A board to open in a browser: with a hostile run, demonstrations, and videos enough to test."""

import json
from dataclasses import replace
from types import SimpleNamespace

from leaderboard.build import build
from tests.board_runs import Spec, systems, write

READY = {"compare": "#report table", "samples": ".out .hyp"}
"""What is there once the data of a page that loads some has come."""

OPEN = "part => { part.querySelectorAll('details').forEach((d) => d.open = true); return part.innerText; }"

ATTACK = '"><script>pwned=1</script><img src=x onerror=pwned=1><svg onload=pwned=1> [a](javascript:pwned=1) {{7*7}}'
HIDDEN = "a\u202eb\u2066c\u0007d\u200be\u2028f"
BROKEN = "broken \ud800 half"
ENDLESS = "long " * 20_000
DEMO = "weak demonstration model, not a leaderboard claim"


def plant(name, lines):
    """Plant hostile text wherever a model, a judge or an author has a say."""
    if name == "translations":
        for number, text in enumerate((ATTACK, HIDDEN, BROKEN, ENDLESS, "שלום (right) to left")):
            lines[number] |= {"text": text, "state": "ok", "detail": ATTACK}
        lines[0]["candidates"] = [{"text": ATTACK, "state": "ok", "syllables": 3, "score": 0.5}]
    if name == "back_translations":
        lines[0]["text"] = ATTACK
    if name == "events":
        lines[0]["matches"][0] |= {"best": ATTACK, "event": {"predicate": ATTACK}}
    if name == "measurements":
        for line in lines[:4]:
            line |= {"answers": [ATTACK, HIDDEN], "detail": ATTACK}


def make_site(folder):
    """Build two boards below a folder; ``paths`` leads to their pages."""
    runs = folder / "runs"
    hostile = write(runs, Spec(ATTACK + HIDDEN, f"prompted:{ATTACK}", segments=12), plant)
    (hostile / "trust.json").write_text(json.dumps({"level": "recomputed", "command": ATTACK, "note": HIDDEN + BROKEN}))
    data = json.loads((hostile / "result.json").read_bytes())
    data["provenance"] = {ATTACK: ATTACK, "card": HIDDEN, "command": ATTACK}
    (hostile / "result.json").write_text(json.dumps(data | {"notes": [ATTACK]}))
    for spec in systems(5):
        write(runs, spec)
    write(runs, replace(systems(1)[0], model="local/small", notes=(DEMO,), publishable=False))
    tested = [write(runs, spec) for spec in systems(3, ("sandglass_zh_de",), segments=140, videos=70)]
    out = folder / "site"
    build([runs], out, workers=1)
    return SimpleNamespace(out=out, tested=tested, paths=addresses(out))


def addresses(out):
    def board(start):
        return next(path.name for path in out.iterdir() if path.name.startswith(start))

    main, other = board("sandglass-zh-en"), board("sandglass-zh-de")
    run = next(path.name for path in (out / main / "runs").iterdir() if path.name.startswith("script-pwned"))
    model = next(path.name for path in (out / "models").iterdir() if path.name.startswith("script-pwned"))
    within = {"table": "index", "plots": "plots", "pairs": "pairs", "compare": "compare", "samples": "samples/index"}
    places = {name: f"{main}/{path}.html" for name, path in within.items()}
    return places | {
        "index": "index.html", "segments": f"{main}/samples/1.html", "run": f"{main}/runs/{run}", "other": other,
        "model": f"models/{model}", "models": "models/index.html", "methods": "methods.html",
        "papers": "published.html", "hostile": run.removesuffix(".html"),
    }  # fmt: skip
