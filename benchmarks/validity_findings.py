"""Recompute what the published metrics can and cannot say: expected against recomputed.

Usage: python benchmarks/validity_findings.py [--data Sandglass.json] [--write]

The tables are read from baselines/published; findings about single segments need the
published Sandglass.json and are skipped without it. ``--write`` puts the table into
docs/validity.md.
"""

import argparse
import csv
import json
import math
import re
from collections import Counter
from pathlib import Path
from statistics import fmean

from scipy.stats import spearmanr

from harness.budget import amounts_within, in_bounds
from harness.metrics.fill import FASTEST_SOURCE, fill_ratio
from harness.syllables import COUNTERS, count
from harness.syllables.literal import HAN, contracted_counter_for

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "baselines/published"
PAGE = ROOT / "docs/validity.md"
MARKERS = ("<!-- findings: begin -->", "<!-- findings: end -->")
CATEGORIES = {"without_syllable": "1", "with_syllable": "2", "best_of_n": "3", "ours": "5"}
BOUNDS = {"en": (0.8, 0.9), "de": (0.9, 1.0), "es": (1.0, 1.1)}
RATES = (6.19, 4.44)

Row = tuple[str, str, str, str]
WITHOUT_DIGITS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
Record = dict[str, str]


def table(name: str) -> list[Record]:
    """Read one published table."""
    with (PUBLISHED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check(finding: str, expected: str, values: list[float], digits: int, note: str = "") -> Row:
    """Compare recomputed values with the numbers expected, to the digits the expected ones are given with.

    Args:
        finding: what it is.
        expected: the numbers, separated by spaces.
        values: the recomputed ones, in the same order.
        digits: decimals of the expected numbers.
        note: what to add to the recomputed numbers, such as p values.
    """
    shown = " ".join(f"{value:.{digits}f}" for value in values)
    wanted = [float(number) for number in expected.split()]
    close = len(wanted) == len(values) and all(
        abs(a - b) <= 0.5001 * 10**-digits for a, b in zip(wanted, values, strict=True)
    )
    return finding, expected, f"{shown}{f' ({note})' if note else ''}", "agrees" if close else "differs"


def rank_correlation(x: list[float], y: list[float]) -> tuple[float, str]:
    """Spearman's rho; its p value and 95 % interval (Fisher's z, the variance of Bonett and Wright)."""
    rho, p = spearmanr(x, y)
    half = 1.96 * math.sqrt((1 + rho**2 / 2) / (len(x) - 3))
    low, high = (math.tanh(math.atanh(rho) + sign * half) for sign in (-1, 1))
    return float(rho), f"{low:+.2f} to {high:+.2f}, p {p:.3f}"


def against_people() -> list[Row]:
    """Automatic metrics of Table 3 (zh-en) against the human scores of Table 6."""
    main = {
        (row["category"], row["model"].lower()): row
        for row in table("homura_table03_main.csv")
        if row["target"] == "en"
    }
    joined = [
        (row, main[CATEGORIES[row["setting"]], row["model"].lower()]) for row in table("homura_table06_human_zh_en.csv")
    ]
    constrained = [pair for pair in joined if pair[0]["setting"] != "without_syllable"]
    wanted = [
        (joined, "bleu_rho", "avg", "-.22"),
        (joined, "cometkiwi", "avg", ".77"),
        (joined, "bt_cerr", "avg", ".80"),
        (constrained, "cometkiwi", "accuracy", "-.16"),
        (constrained, "bt_cerr", "accuracy", "-.26"),
        (constrained, "bt_cerr", "completeness", ".74"),
        (constrained, "bleu_rho", "avg", ""),
        (constrained, "bleu_rho", "accuracy", ""),
        (constrained, "bleu_rho", "completeness", ""),
    ]
    rows = []
    for pairs, metric, human, expected in wanted:
        rho, note = rank_correlation([float(b[metric]) for _, b in pairs], [float(a[human]) for a, _ in pairs])
        which = "all systems" if pairs is joined else "constrained systems"
        finding = f"Spearman of {metric} with human {human}, {which}, n = {len(pairs)}"
        rows.append(check(finding, expected, [rho], 2, note) if expected else (finding, "", f"{rho:.2f} ({note})", ""))
    return rows


def over_compression() -> list[Row]:
    """Table 4: what happens to each metric as outputs become shorter."""
    rows = sorted(table("homura_table04_compression_wall.csv"), key=lambda row: -float(row["rho"]))
    first, last = rows[0], rows[-1]
    auto = next(row for row in rows if row["mode"] == "auto")

    def ends(end: Record) -> list[float]:
        return [float(row[name]) for name in ("rho", "bleu_rho", "bt_cerr") for row in (first, end)]

    bleu = [float(row["bleu_rho"]) * float(row["rho"]) for row in rows]
    columns = {name: [float(row[name]) for row in rows] for name in ("bleu_rho", "bt_cerr")} | {"bleu": bleu}
    made = [
        check(
            "Table 4, least and most compressed: rho, BLEU-rho, BT-CERR", ".808 .481 .378 .384 .914 .816", ends(last), 3
        ),
        check("the same against the row `auto`", ".808 .485 .378 .404 .914 .811", ends(auto), 3),
        check("BLEU = BLEU-rho x rho: manual [.8, .9] and `auto`", ".305 .196", [bleu[0], bleu[rows.index(auto)]], 3),
    ]
    for name in ("bleu_rho", "bleu"):
        rho, note = rank_correlation(columns[name], columns["bt_cerr"])
        made.append((f"Spearman of {name} with BT-CERR over Table 4's five rows", "", f"{rho:.2f} ({note})", ""))
    return made


def second_version() -> list[Row]:
    """Sandglass-Bench v2's own rows."""
    rows = {row["model"]: row for row in table("sandglass_bench_v2_leaderboard.csv")}
    tuned = rows["index-homura"]
    best = max(rows.values(), key=lambda row: float(row["quality"]))
    rest = [row for row in rows.values() if row is not tuned]
    gain, note = rank_correlation([float(r["pct_within_1"]) for r in rest], [float(r["quality"]) for r in rest])
    return [
        check("v2, 9B after RL: quality", ".786", [float(tuned["quality"])], 3),
        check("v2, 9B after RL: % within one syllable", "74", [float(tuned["pct_within_1"])], 0),
        (
            "v2, 9B after SFT: quality .858, 41 % within one syllable",
            ".858 41",
            "the file has no such row",
            "not recomputed",
        ),
        (
            "v2, best quality of all rows",
            "",
            f"{best['model']} {best['quality']}, {best['pct_within_1']} % within one",
            "",
        ),
        ("v2, Spearman of % within one with quality, the 9 others", "", f"{gain:.2f} ({note})", ""),
    ]


def mixture() -> Row:
    """A mixture of far too short and far too long outputs passes the check mark on the mean ratio."""
    ratios = [0.4] * 50 + [1.3] * 50
    low, high = BOUNDS["en"]
    inside = sum(in_bounds(ratio, low, high) for ratio in ratios)
    passed = "passes" if low <= fmean(ratios) <= high else "fails"
    return (
        "check mark on the mean ratio, half .4 and half 1.3",
        "passes, 0 in bounds",
        f"{passed}, {inside} in bounds",
        "agrees" if passed == "passes" and inside == 0 else "differs",
    )


def of_segments(data: Path) -> list[Row]:
    """Findings that need the published segments."""
    records = json.loads(data.read_bytes())
    han = [len(HAN.findall(record["text_ocr_modify"])) for record in records]
    videos = Counter(record["file_name"] for record in records).values()
    rows = [check("videos; fewest and most items of one", "96 1 88", [len(videos), min(videos), max(videos)], 0)]
    english = [len(amounts_within(max(1, source), *BOUNDS["en"])) for source in han]
    rows.append(
        check("sources that admit exactly one count, and none, en", "566 1", [english.count(1), english.count(0)], 0)
    )
    for lang, expected in (("en", "68"), ("de", "51"), ("es", "51")):
        thrown = [
            n + step not in counts
            for counts in (amounts_within(max(1, source), *BOUNDS[lang]) for source in han)
            for n in counts
            for step in (-1, 1)
        ]
        rows.append(
            check(f"% of in-bounds counts thrown out by one syllable, {lang}", expected, [100 * fmean(thrown)], 0)
        )
    shipped = {
        counter: [
            count(record["translation_text"], "en", counter) / max(count(record["text_ocr_modify"], "zh", counter), 1)
            for record in records
        ]
        for counter in COUNTERS
    }
    bare = {
        counter: [
            count(" ".join(WITHOUT_DIGITS.findall(record["translation_text"])), "en", counter) / max(source, 1)
            for record, source in zip(records, han, strict=True)
        ]
        for counter in COUNTERS
    }
    rows += flips(bare, "Han characters, English words without digits") + flips(shipped, "counters as shipped")
    return rows + fills(records, han)


def flips(ratios: dict[str, list[float]], how: str) -> list[Row]:
    """Mean ratio of the shipped reference by both counters, and the verdicts that hang on the counter."""
    verdicts = {name: [in_bounds(ratio, *BOUNDS["en"]) for ratio in values] for name, values in ratios.items()}
    pairs = list(zip(verdicts["pyphen"], verdicts["phonetic"], strict=True))
    left = 100 * fmean(not b for a, b in pairs if a)
    means = [fmean(ratios[counter]) for counter in COUNTERS]
    return [
        check(f"mean rho of the reference, pyphen and phonetic ({how})", "1.07 1.13", means, 2),
        check(f"verdicts of 1,000 that flip between the counters ({how})", "100", [sum(a != b for a, b in pairs)], 0),
        check(f"% of pyphen's in-bounds references that leave ({how})", "42", [left], 0),
    ]


def fills(records: list[dict[str, object]], han: list[int]) -> list[Row]:
    """Fill at two rates: the reference, and an output of .85 syllables a Han character."""
    spoken = contracted_counter_for("en")
    timed = [
        (spoken(" ".join(WITHOUT_DIGITS.findall(str(record["translation_text"])))), source, seconds)
        for record, source in zip(records, han, strict=True)
        if source <= FASTEST_SOURCE * (seconds := float(str(record["end_time"])) - float(str(record["start_time"])))
    ]
    rows = [check("items at 9 Han/s or fewer", "960", [len(timed)], 0)]
    reference, budget = ({rate: [] for rate in RATES} for _ in range(2))
    for rate in RATES:
        reference[rate] = [fill_ratio(output, seconds, rate) for output, _, seconds in timed]
        budget[rate] = [0.85 * source / rate / seconds for _, source, seconds in timed]
    rows += [
        check(
            f"% of references that fit at a speed-up of 1.2, {rate} syllables/s",
            expected,
            [100 * fmean(fill <= 1.2 for fill in reference[rate])],
            1,
        )
        for rate, expected in zip(RATES, ("82.1", "48.3"), strict=True)
    ]
    silent = 100 * fmean(fill < 0.67 for fill in budget[RATES[0]])
    fits = 100 * fmean(fill <= 1.2 for fill in budget[RATES[1]])
    rows.append(check("% of .85 budgets that leave a third of the slot silent, 6.19", "38.2", [silent], 1))
    rows.append(check("% of .85 budgets that fit at a speed-up of 1.2, 4.44", "69.7", [fits], 1))
    return rows


def main() -> None:
    """Recompute, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the published Sandglass.json")
    parser.add_argument("--write", action="store_true", help="put the table into docs/validity.md")
    arguments = parser.parse_args()
    rows = against_people() + over_compression() + second_version() + [mixture()]
    rows += of_segments(arguments.data) if arguments.data else []
    lines = ["| finding | expected | recomputed | |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    print("\n".join(lines))
    if not arguments.data:
        print("skipped: findings about single segments (--data Sandglass.json)")
    if arguments.write:
        before, rest = PAGE.read_text("utf-8").split(MARKERS[0])
        page = "\n".join([before + MARKERS[0], *lines, MARKERS[1] + rest.split(MARKERS[1])[1]])
        PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
