"""``sandglass lint``: hold subtitle files against the limits of a locale, and mend what needs no other words."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EXIT_GATE, EXIT_OK, EXIT_USER, UserError

if TYPE_CHECKING:
    from harness.subtitles.lint import Report, Settings
    from harness.subtitles.lint_report import Checked, Refused

FORMATS = ("table", "json", "junit", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help=".srt, .vtt, .ass, .ssa, .ttml, .dfxp, .stl"
    )
    parser.add_argument("--target", required=True, metavar="LANG", help="language of the files, such as en or zh-Hans")
    parser.add_argument("--children", action="store_true", help="limits of children's programmes")
    parser.add_argument("--sdh", action="store_true", help="limits for the deaf and hard of hearing")
    parser.add_argument("--fps", default="25", metavar="N", help="frames a second, for gaps (default 25)")
    parser.add_argument(
        "--tolerance", type=float, default=0.0, metavar="S", help="seconds of the gap after a cue that speech may take"
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the files (default: found, or refused)")
    parser.add_argument("--fix", action="store_true", help="mend what needs no other words; with -o")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="the mended file")
    parser.add_argument("--reference", type=Path, metavar="REF", help="also SubER against this file")
    parser.add_argument("--format", choices=FORMATS, default="table", help="what is printed (default table)")
    parser.add_argument("--junit", type=Path, metavar="F", help="also write JUnit XML here")


def main(args: argparse.Namespace) -> int:
    """Check the files; exit code 3 where one has errors, 2 where one cannot be read."""
    from harness.subtitles import lint_report
    from harness.subtitles.limits import frame_rate, limits_for
    from harness.subtitles.lint import Report, Settings

    _check(args)
    limits = limits_for(args.target, children=args.children, sdh=args.sdh)
    settings = Settings(limits, frame_rate(args.fps), args.tolerance)
    suber: dict[str, float] = {}
    files = tuple(_one(path, args, settings, suber) for path in args.files)
    checked = lint_report.Checked(settings, files, suber)
    _print(args.format, checked)
    if args.junit:
        _write(args.junit, lint_report.as_junit(checked))
    reports = [file for file in files if isinstance(file, Report)]
    if len(reports) < len(files):
        return EXIT_USER
    return EXIT_GATE if any(report.errors for report in reports) else EXIT_OK


def _check(args: argparse.Namespace) -> None:
    """Check that the options fit each other.

    Raises:
        UserError: they do not.
    """
    if args.fix != (args.out is not None):
        raise UserError("--fix and -o OUT go together.", "Give both, or neither.")
    if len(args.files) > 1 and (args.fix or args.reference):
        raise UserError("--fix and --reference take one file.", "Give one file.")
    if args.fix and args.out.suffix.lower() != args.files[0].suffix.lower():
        raise UserError(f"{args.out} is of another format.", f"Name it *{args.files[0].suffix}.")
    if args.fix and args.out.resolve() == args.files[0].resolve():
        raise UserError("-o names the file itself.", "Give another name; nothing is overwritten.")
    if not 0 <= args.tolerance < 60:
        raise UserError(f"--tolerance {args.tolerance:g} is no gap.", "Give seconds, such as 0.5.")


def _one(path: Path, args: argparse.Namespace, settings: "Settings", suber: dict[str, float]) -> "Report | Refused":
    """Check one file, after mending it where that was asked for."""
    from harness.subtitles.document import read_document
    from harness.subtitles.entry import Problem
    from harness.subtitles.lint import lint
    from harness.subtitles.lint_report import Refused

    if args.fix:
        path = _mend(path, args, settings)
    problems: list[Problem] = []
    try:
        document = read_document(path, encoding=args.encoding, problems=problems)
    except UserError as error:
        return Refused(str(path), str(error))
    if not document.entries:
        return Refused(str(path), f"{path}, line {problems[0].line}: {problems[0].what}. {problems[0].fix}")
    if args.reference:
        from harness.subtitles.suber import suber as rate

        reference = read_document(args.reference, encoding=args.encoding)
        suber[str(path)] = rate(document, reference, settings.limits.language)
    return lint(document, settings, problems)


def _mend(path: Path, args: argparse.Namespace, settings: "Settings") -> Path:
    """Write the mended file and return its path.

    Raises:
        UserError: the file cannot be read, or the other not written.
    """
    from harness.subtitles import fix
    from harness.subtitles.document import read_document
    from harness.subtitles.lint_report import many
    from harness.subtitles.write import render

    document = read_document(path, encoding=args.encoding, problems=[])
    if not document.entries:
        raise UserError(f"{path} holds no cue that can be mended.", "Give a subtitle file.")
    texts, times = fix.broken(document, settings.limits), fix.moved(document, settings)
    _write(args.out, render(document, texts, times))
    done = f"lines broken anew in {many(len(texts), 'cue')}, {many(len(times), 'end')} moved"
    print(f"{path}: {done}: {args.out}", file=sys.stderr)
    out: Path = args.out
    return out


def _print(form: str, checked: "Checked") -> None:
    from harness.subtitles import lint_report

    if form == "junit":
        print(lint_report.as_junit(checked).decode("utf-8"), end="")
    else:
        render = {"table": lint_report.as_table, "json": lint_report.as_json, "html": lint_report.as_html}[form]
        print(render(checked))


def _write(path: Path, content: bytes) -> None:
    from harness.jsonl import write_atomic

    try:
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).", "Give another file.") from error
