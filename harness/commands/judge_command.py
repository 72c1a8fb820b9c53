"""``sandglass judge``: hold judges against people, and have people judge."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EXIT_GATE, EXIT_INCOMPLETE, EXIT_OK, CostLimit, RunError, UserError
from harness.jsonl import to_line, write_atomic

if TYPE_CHECKING:
    from harness.judges.validation.report import Validation
    from harness.judges.validation.validate import Material


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the three subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_validate(actions)
    _add_export(actions)
    _add_import(actions)


def _add_validate(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "validate",
        help="measure judges against human ratings",
        description="Measure judges against human ratings: agreement within lines and pooled, Bland-Altman, repeats, "
        "position bias, self-preference, known answers, drift, attempts to talk to the judge.",
    )
    parser.add_argument("--ratings", type=Path, required=True, metavar="FILE", help="JSONL, one human rating a line")
    parser.add_argument("--model", metavar="M", help="the judges' model, where --judge names none")
    parser.add_argument(
        "--judge",
        nargs="+",
        default=["accuracy"],
        metavar="J",
        help="kinds, with options as accuracy:scale=5 (default accuracy)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for numbers and plots")
    parser.add_argument("--source", default="zh", metavar="CODE", help="source language (default zh)")
    parser.add_argument("--target", default="en", metavar="CODE", help="target language (default en)")
    parser.add_argument("--range", default="0,100", metavar="LOW,HIGH", help="of the human scores (default 0,100)")
    parser.add_argument("--repeats", type=int, default=2, metavar="K", help="judge each item K times (default 2)")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N lines")
    parser.add_argument("--sentinels", type=Path, metavar="FILE", help="known answers (zh-en: built in)")
    parser.add_argument("--injections", type=Path, metavar="FILE", help="attempts to talk to it (zh-en: built in)")
    parser.add_argument("--no-probes", action="store_true", help="neither known answers nor injections")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="known answers of before; written where absent")
    parser.add_argument("--bar", type=float, default=0.82, metavar="R", help="Spearman within lines (default .82)")
    parser.add_argument(
        "--max-unparsable", type=float, default=0.02, metavar="P", help="share that is accepted (default .02)"
    )
    parser.add_argument("--gate", action="store_true", help="exit 3 for a fault, or a bar that is not reached")
    parser.add_argument("--api-base", metavar="URL", help="OpenAI-compatible server of the model")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at once (default 8)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of the response cache")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="stop before the spend passes this")


def _add_export(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("export", help="write blind rating sheets for people")
    parser.add_argument("items", nargs="+", type=Path, metavar="ITEMS", help="JSONL of translations, or run folders")
    parser.add_argument("--mode", choices=("score", "pairwise", "spans"), default="score")
    parser.add_argument("--raters", required=True, metavar="NAME[,NAME…]", help="one sheet each")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N lines")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the sheets")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="where the key goes; not for raters")
    parser.add_argument("--seed", metavar="TEXT", help="of names and orders (default: random)")


def _add_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("import", help="read filled sheets, and say how far the raters agree")
    parser.add_argument("sheets", nargs="+", type=Path, metavar="SHEET", help="filled sheets, sheet_NAME.csv")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the key written by export")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="ratings for judge validate")


def main(args: argparse.Namespace) -> int:
    """Run the action asked for."""
    return {"validate": _validate, "export": _export, "import": _import}[args.action](args)


def _validate(args: argparse.Namespace) -> int:
    import asyncio

    from harness.commands.common import at_least_one
    from harness.judges.validation.report import tables
    from harness.judges.validation.validate import load_any, validate
    from harness.llm.cache import ResponseCache, default_cache_dir
    from harness.llm.door import Door
    from harness.records import Usage

    material = _material(args)
    judges = [load_any(_spec(kind, args), args.source, args.target) for kind in args.judge]
    if len({judge.line for judge in judges}) < len(judges):
        raise UserError("A judge is named twice.", "Name each once.")
    concurrency = at_least_one(args.concurrency, "--concurrency")
    cache = ResponseCache(args.cache or default_cache_dir())

    def open_door(cached: bool, paid: Usage) -> Door:
        left = None if args.max_cost is None else max(0.0, args.max_cost - (paid.cost or 0.0))
        return Door(cache if cached else None, concurrency=concurrency, max_cost=left)

    open_door(True, Usage()).check([model for judge in judges for model in judge.models])
    try:
        found = asyncio.run(validate(judges, material, open_door))
    except CostLimit as error:
        print(f"Stopped at the cost limit: {error}")
        return EXIT_INCOMPLETE
    except RunError as error:
        print(f"Stopped, a call failed: {error} The same command goes on from here.")
        return EXIT_INCOMPLETE
    _write(found, material, args)
    print(tables(found))
    failed = any(v.faults or v.bar in ("missed", "not shown") for v in found)
    return EXIT_GATE if args.gate and failed else EXIT_OK


def _spec(kind: str, args: argparse.Namespace) -> str:
    spec: str = kind
    if ":model=" not in spec and ":panel=" not in spec:
        if not args.model:
            raise UserError(f"Judge {kind!r} has no model.", "Give --model, or write KIND:model=NAME.")
        spec += f":model={args.model}"
    if args.api_base and ":api_base=" not in spec:
        spec += f":api_base={args.api_base}"
    return spec


def _material(args: argparse.Namespace) -> "Material":
    from harness.commands.common import at_least_one
    from harness.judges.validation import probes
    from harness.judges.validation.ratings import limited, read_ratings, rescaled
    from harness.judges.validation.report import Limits
    from harness.judges.validation.validate import Material

    built_in = (args.source, args.target) == probes.LANGUAGES
    known = [] if args.no_probes or not (args.sentinels or built_in) else probes.sentinels(args.sentinels)
    talk = [] if args.no_probes or not (args.injections or built_in) else probes.injections(args.injections)
    return Material(
        rescaled(limited(read_ratings(args.ratings), args.limit), args.range),
        tuple(known),
        tuple(talk),
        _read_baseline(args.baseline),
        repeats=at_least_one(args.repeats, "--repeats"),
        limits=Limits(args.bar, args.max_unparsable),
    )


def _read_baseline(path: Path | None) -> dict[str, dict[str, float | None]]:
    if path is None or not path.exists():
        return {}
    try:
        data = json.loads(path.read_bytes())
        return {str(line): {str(name): value for name, value in values.items()} for line, values in data.items()}
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} is no baseline ({error}).", "Give one that judge validate wrote.") from error


def _write(found: "list[Validation]", material: "Material", args: argparse.Namespace) -> None:
    """Write numbers, values, plots and, where there is none of a judge, the baseline."""
    from harness.judges.validation.plot import draw
    from harness.records import dump

    people = [item.mean for item in material.items]
    rows = []
    for number, validation in enumerate(found, 1):
        if not validation.values:
            continue
        points = [(x, y) for x, y in zip(people, validation.values[0], strict=True) if y is not None]
        picture = draw(validation.line.partition(",prompt=")[0], points, validation.measures)
        write_atomic(args.out / f"{number}_{validation.judge}.svg", picture.encode())
        rows += [
            {"judge": validation.line, "line": item.line, "system": item.system, "values": values}
            for item, *values in zip(material.items, *validation.values, strict=True)
        ]
    numbers = [{name: value for name, value in dump(v).items() if name != "values"} for v in found]
    write_atomic(args.out / "validation.json", (json.dumps(numbers, ensure_ascii=False, indent=1) + "\n").encode())
    write_atomic(args.out / "judgements.jsonl", b"".join(map(to_line, rows)))
    if args.baseline is not None:
        known = {v.line: v.sentinels for v in found if v.sentinels} | dict(material.baseline)
        write_atomic(args.baseline, (json.dumps(known, ensure_ascii=False, indent=1) + "\n").encode())


def _export(args: argparse.Namespace) -> int:
    import secrets

    from harness.judges.validation.items import read_items
    from harness.judges.validation.sheets import make_key, write_sheets

    items = [item for path in args.items for item in read_items(path)]
    if len({(item.line, item.system) for item in items}) < len(items):
        raise UserError("Two inputs hold the same system's translation of a line.", "Name each system once.")
    kept = set(list(dict.fromkeys(item.line for item in items))[: args.limit])
    chosen = [item for item in items if item.line in kept]
    key = make_key(chosen, args.mode, args.raters.split(","), args.seed or secrets.token_hex(16))
    for path in write_sheets(key, args.out, args.key):
        print(path)
    return EXIT_OK


def _import(args: argparse.Namespace) -> int:
    from harness.judges.validation.filled import as_ratings, read_key, read_sheet
    from harness.judges.validation.raters import agreement_text

    key = read_key(args.key)
    filled = [given for path in args.sheets for given in read_sheet(path, key)]
    names = [path.stem for path in args.sheets]
    if len(set(names)) < len(names):
        raise UserError("Two sheets have one name.", "Name each after its rater, as sheet_NAME.csv.")
    if not filled:
        raise UserError("The sheets are blank.", "Give sheets that were filled.")
    write_atomic(args.out, b"".join(map(to_line, as_ratings(filled, key))))
    print(agreement_text(filled, key))
    return EXIT_OK
