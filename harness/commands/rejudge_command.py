"""``sandglass rejudge``: the models that measured a submission, asked again."""

import argparse

from harness.commands.again import add_again, ask, concluded, opened
from harness.errors import UserError
from harness.records import BackTranslation
from harness.submission.again import measuring_plan, protocol_of, sampled
from harness.submission.agreement import ROUND_TRIP_METRICS, agreement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Ask the models that measured a submission again: back-translator, events, judges, quality estimators. "
        "Exit code 3 where their answers are not shown to agree."
    )
    parser.add_argument("--back-translator-api-base", metavar="URL", help="the protocol's back-translator, served here")
    parser.add_argument(
        "--judge", action="append", default=[], metavar="J", help="a judge of the protocol as reached from here"
    )
    add_again(parser)


def main(args: argparse.Namespace) -> int:
    """Measure the submitted translations again and compare."""
    with opened(args) as case:
        result = case.checked.result
        assert result is not None
        protocol = protocol_of(case.manifest, result, args.back_translator_api_base, args.judge)
        if not protocol.with_models and not result.measures:
            raise UserError("No model measured this submission.", "There is nothing to ask again.")
        task = sampled(case.task, args.sample, case.seed, case.task.window)
        plan = measuring_plan(case.checked, task, protocol)
        kept = {segment.id for segment in task.segments}
        given = tuple(translation for translation in case.checked.translations if translation.id in kept)
        again = ask(plan, case, args, given)
        texts = BackTranslation if protocol.with_models else None
        found = agreement(case.run, again, texts, (*ROUND_TRIP_METRICS, *result.measures), args.margin)
        return concluded(found, "re-judged", "rejudge", case, args)
