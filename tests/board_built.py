"""Boards built for tests."""

import json
from pathlib import Path

from leaderboard.board import boards
from leaderboard.build import build
from leaderboard.runs import find, read
from tests.board_runs import write

PUBLISHED = Path(__file__).parents[1] / "baselines" / "published"


def made(folder, *specs, edit=None):
    for spec in specs:
        write(folder, spec, edit)
    return folder


def only_board(folder):
    (found,) = boards([read(path) for path in find([folder])])
    return found


def built(folder, out, **more):
    build([folder], out, workers=1, **more)
    (board,) = [path.parent for path in out.glob("*/plots.html")]
    return board


def page(path):
    return path.read_text(encoding="utf-8")


def alter(folder, name, **changes):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
