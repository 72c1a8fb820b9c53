"""``sandglass train``: train a model with one of the reference trainers."""

import argparse
import sys
from importlib import import_module

from harness.errors import EXIT_INCOMPLETE, CostLimit, RunError, UserError

METHODS = {
    "homura": "GRPO under a syllable budget (arXiv 2601.10187)",
    "genrm": "a generative reward model for it",
    "alpo": "segment-wise preferences for expressive subtitles (arXiv 2602.01068)",
    "cpo": "contrastive preference optimisation (arXiv 2401.08417)",
    "icr": "implicit cross-lingual rewarding (arXiv 2503.04647)",
}
MODULES = {method: f"trainers.{method}.train" for method in METHODS} | {"genrm": "trainers.homura.genrm.train"}
NEEDED = ("torch", "transformers", "trl", "peft", "accelerate")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    told = "; ".join(f"{method}: {words}" for method, words in METHODS.items())
    parser.add_argument("method", choices=METHODS, metavar="METHOD", help=told)
    parser.add_argument(
        "--config", required=True, help="a TOML file, or the name of one that comes with the method: toy"
    )
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="override a field")
    parser.add_argument("--dry-run", action="store_true", help="check the configuration and its data; train nothing")


def main(args: argparse.Namespace) -> int:
    """Train; the same command continues a run that was stopped."""
    require_extra()
    try:
        code: int = import_module(MODULES[args.method]).main(args.config, args.set, args.dry_run)
    except (CostLimit, RunError) as error:
        print(f"sandglass: {error}", file=sys.stderr)
        return EXIT_INCOMPLETE
    return code


def require_extra() -> None:
    """Check that what trains is installed, without importing it.

    Raises:
        UserError: something is missing.
    """
    from importlib.util import find_spec

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UserError(
            f"Training needs {', '.join(missing)}.",
            "Install the extra: pip install 'sandglass-bench[train]'; without a GPU torch's CPU build is enough.",
        )
