"""Plots as SVG: a training run's history, and the curves of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLUMNS = 3


def plot_history(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot every column of a history against the step, one panel a column, but for totals of the whole run.

    Args:
        rows: as ``read_history`` gives them.
        path: the SVG file.
    """
    names = sorted({name for row in rows for name in row} - {"step", "epoch"})
    shown = [name for name in names if not name.startswith(("train_", "total_"))]
    figure, panels = _panels(max(1, len(shown)))
    for name, panel in zip(shown, panels, strict=False):
        points = [(row["step"], row[name]) for row in rows if name in row]
        panel.plot(*zip(*points, strict=True), ".-", linewidth=1.2, markersize=3)
        panel.set_title(name, fontsize=9)
    _save(figure, path)


def plot_study(summary: Mapping[str, Any], path: Path) -> None:
    """Plot a study: every measure's mean with its interval by arm, and the curves where there are some.

    Arms are named once a row of panels; a curve has the colour of its arm.

    Args:
        summary: of ``trainers.common.study``.
        path: the SVG file.
    """
    curves = list(next(iter(summary["arms"].values()))["curves"])
    figure, panels = _panels(len(summary["shown"]) + len(curves))
    arms = list(summary["arms"])
    for number, (name, words) in enumerate(summary["shown"].items()):
        panel = panels[number]
        for place, arm in enumerate(arms):
            found = summary["arms"][arm]["measures"][name]
            if found["low"] is not None:
                panel.plot([found["low"], found["high"]], [place, place], color=f"C{place}", linewidth=2)
            panel.plot([run[0] for run in found["runs"]], [place] * len(found["runs"]), ".", color="0.5", markersize=4)
            if found["mean"] is not None:
                panel.plot(found["mean"], place, "o", color=f"C{place}", markersize=5)
        panel.set_yticks(range(len(arms)), arms if number % COLUMNS == 0 else [""] * len(arms), fontsize=8)
        panel.invert_yaxis()
        panel.locator_params(axis="x", nbins=5)
        panel.set_title(words, fontsize=9)
    for name, panel in zip(curves, panels[len(summary["shown"]) :], strict=False):
        for place, arm in enumerate(arms):
            for points in filter(None, summary["arms"][arm]["curves"][name]):
                panel.plot(*zip(*points, strict=True), color=f"C{place}", linewidth=0.9, alpha=0.8)
        panel.set_title(f"{name} by step", fontsize=9)
    _save(figure, path)


def _panels(count: int) -> tuple[Any, list[Any]]:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sandglass"
    from matplotlib import pyplot

    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.2 * columns, 2.6 * rows), squeeze=False)
    panels = [axes[place // columns][place % columns] for place in range(rows * columns)]
    for panel in panels[count:]:
        panel.axis("off")
    return figure, panels


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
