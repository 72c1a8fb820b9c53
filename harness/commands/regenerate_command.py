"""``sandglass regenerate``: the system of a submission, run again."""

import argparse
import contextlib

from harness.commands.again import add_again, ask, concluded, opened
from harness.errors import UserError
from harness.llm.backend import Backend
from harness.records import Translation
from harness.submission.again import protocol_of, system_plan
from harness.submission.agreement import ROUND_TRIP_METRICS, TEXT_METRICS, agreement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Run the system of a submission again, and compare texts and scores. "
        "Exit code 3 where the scores are not shown to agree."
    )
    parser.add_argument(
        "--api-base", metavar="URL", help="OpenAI-compatible server of the system, as reached from here"
    )
    parser.add_argument("--round-trip", action="store_true", help="measure the new outputs with the models, too")
    parser.add_argument("--back-translator-api-base", metavar="URL", help="with --round-trip: where it is served here")
    parser.add_argument("--checkpoint", metavar="hf/./PATH", help="the system's checkpoint as it lies here")
    parser.add_argument("--trust-remote-code", action="store_true", help="hf/…: run code that comes with a checkpoint")
    add_again(parser)


def main(args: argparse.Namespace) -> int:
    """Run the system and compare."""
    with opened(args) as case, contextlib.ExitStack() as stack:
        result = case.checked.result
        assert result is not None
        protocol = protocol_of(case.manifest, result, args.back_translator_api_base, ())
        if not args.round_trip:
            protocol = protocol.without_models()
        plan = system_plan(case.checked, case.task, protocol, args.api_base, (args.sample, case.seed))
        again = ask(plan, case, args, backends=_served(result.model, args, stack))
        required = (*TEXT_METRICS, *(ROUND_TRIP_METRICS if args.round_trip else ()))
        found = agreement(case.run, again, Translation, required, args.margin)
        return concluded(found, "re-generated", "regenerate", case, args)


def _served(model: str, args: argparse.Namespace, stack: contextlib.ExitStack) -> dict[str, Backend]:
    """Serve the system's checkpoint where it is one.

    Raises:
        UserError: another checkpoint is found under its name.
    """
    from harness.llm.checkpoint import is_checkpoint, resolve

    if not is_checkpoint(model):
        return {}
    from harness.llm.serve import serve

    checkpoint = resolve(args.checkpoint or model, trust_remote_code=args.trust_remote_code)
    if checkpoint.model != model:
        raise UserError(f"{model} is {checkpoint.model} here.", "Get the very checkpoint.")
    return {"hf": stack.enter_context(serve(checkpoint)).backend()}
