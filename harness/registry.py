"""Names to things: a static table of our own, entry points only on a miss.

The table holds import paths as text, so that a name costs nothing until it is used
and ``sandglass --help`` imports none of the rooms. Another package adds a part with
an entry point in the group ``sandglass.<kind>``.
"""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from harness.errors import UserError

Kind = Literal["tasks", "strategies", "metrics", "judges", "counters", "readers", "protocols", "builders"]

TABLE: dict[str, dict[str, str]] = {
    "tasks": {
        "sandglass_zh_en": "tasks.sandglass",
        "sandglass_zh_de": "tasks.sandglass",
        "sandglass_zh_es": "tasks.sandglass",
        "sandglass_duration_zh_en": "tasks.sandglass:duration",
        "sandglass_duration_zh_de": "tasks.sandglass:duration",
        "sandglass_duration_zh_es": "tasks.sandglass:duration",
        "sandglass_count_zh_en": "tasks.sandglass:count",
        "sandglass_count_zh_de": "tasks.sandglass:count",
        "sandglass_count_zh_es": "tasks.sandglass:count",
        "sandglass_mini_zh_en": "tasks.sandglass_mini",
        "sandglass_mini_zh_de": "tasks.sandglass_mini",
        "sandglass_mini_zh_es": "tasks.sandglass_mini",
        "sandglass_mini_duration_zh_en": "tasks.sandglass_mini:duration",
        "sandglass_mini_duration_zh_de": "tasks.sandglass_mini:duration",
        "sandglass_mini_duration_zh_es": "tasks.sandglass_mini:duration",
        "sandglass_mini_count_zh_en": "tasks.sandglass_mini:count",
        "sandglass_mini_count_zh_de": "tasks.sandglass_mini:count",
        "sandglass_mini_count_zh_es": "tasks.sandglass_mini:count",
        "isometric_en_de": "tasks.isometric",
        "isometric_en_es": "tasks.isometric",
        "isometric_en_fr": "tasks.isometric",
        "wmt22_zh_en": "tasks.wmt22:zh",
        "wmt22_en_de": "tasks.wmt22:en",
        "iwslt_compression_de": "tasks.iwslt_compression",
        "iwslt_compression_es": "tasks.iwslt_compression",
        "x_alpaca_eval_en": "tasks.x_alpaca_eval",
        "x_alpaca_eval_es": "tasks.x_alpaca_eval",
        "x_alpaca_eval_ru": "tasks.x_alpaca_eval",
        "x_alpaca_eval_de": "tasks.x_alpaca_eval",
        "x_alpaca_eval_fr": "tasks.x_alpaca_eval",
        "x_alpaca_eval_bn": "tasks.x_alpaca_eval",
        "x_alpaca_eval_sw": "tasks.x_alpaca_eval",
        "x_alpaca_eval_th": "tasks.x_alpaca_eval",
        "x_alpaca_eval_zh": "tasks.x_alpaca_eval",
        "x_alpaca_eval_ko": "tasks.x_alpaca_eval",
        "x_alpaca_eval_it": "tasks.x_alpaca_eval",
        **{f"musc_zh_{target}": "tasks.musc:zh" for target in ("en", "es", "pt", "ms", "id", "vi", "th")},
        **{f"musc_{source}_zh": f"tasks.musc:{source}" for source in ("ko", "ja", "en")},
        **{f"musc_en_{target}": "tasks.musc:en" for target in ("es", "de", "fr")},
        "musc_mini_zh_en": "tasks.musc_mini_zh",
        **{f"musc_mini_en_{target}": "tasks.musc_mini_en" for target in ("zh", "de", "fr")},
    },
    "readers": {
        "jsonl": "harness.readers:read_jsonl",
        "corpus": "harness.corpus.reader:read",
        "parallel": "harness.readers:read_parallel",
        "sandglass-v1": "tasks.sandglass.reader:read",
        "alpaca-eval": "tasks.x_alpaca_eval.reader:read",
        "iwslt-compression": "tasks.iwslt_compression.reader:read",
    },
    "strategies": {
        "unconstrained": "baselines.unconstrained:build",
        "prompted": "baselines.prompted:build",
        "best_of_n": "baselines.best_of_n:build",
        "translate_modify": "baselines.translate_modify:build",
        "respond": "baselines.respond:build",
        "hostile": "baselines.hostile:build",
        "musc": "baselines.musc:build",
    },
    "metrics": {
        "usable": "harness.metrics.usable:metrics",
        "in_bounds": "harness.metrics.in_bounds:metrics",
        "rho": "harness.metrics.rho:metrics",
        "fill": "harness.metrics.fill:metrics",
        "bleu_rho": "harness.metrics.bleu_rho:metrics",
        "bt_cerr": "harness.metrics.bt_cerr:metrics",
        "count": "harness.metrics.count:metrics",
        "isometric": "harness.metrics.isometric:metrics",
        "reference": "harness.metrics.reference:metrics",
        "quality": "harness.metrics.quality:metrics",
        "tokens": "harness.metrics.tokens:metrics",
        "bt_consistency": "harness.metrics.bt_consistency:metrics",
        "line_count": "harness.metrics.line_count:metrics",
    },
    "judges": {
        "accuracy": "harness.judges.accuracy:build",
        "naturalness": "harness.judges.naturalness:build",
        "vividness": "harness.judges.vividness:build",
        "vividness_gated": "harness.judges.vividness_gated:build",
        "error_spans": "harness.judges.error_spans:build",
        "well_formed": "harness.judges.well_formed:build",
        "genrm": "harness.judges.genrm:build",
        "candidates": "harness.judges.candidates:build",
        "pairwise": "harness.judges.pairwise:build",
        "preference": "harness.judges.preference:build",
    },
    "counters": {
        "pyphen": "harness.syllables.literal:counter_for",
        "phonetic": "harness.syllables.phonetic:counter_for",
    },
    "builders": {"sandglass": "tasks.sandglass.build", "musc": "tasks.musc.build"},
    "protocols": {
        "paper": "harness.protocol:PAPER",
        "phonetic": "harness.protocol:PHONETIC",
        "offline": "harness.protocol:OFFLINE",
    },
}


def names(kind: Kind) -> list[str]:
    """List the names of one kind, ours first, then those of other packages.

    Examples:
        >>> names("counters")
        ['pyphen', 'phonetic']
    """
    own = list(TABLE[kind])
    return own + sorted(e.name for e in entry_points(group=f"sandglass.{kind}") if e.name not in own)


def find(kind: Kind, name: str) -> str:
    """Return the import path behind a name.

    Raises:
        UserError: there is no such name; the known ones are listed.

    Examples:
        >>> find("strategies", "prompted")
        'baselines.prompted:build'
        >>> find("counters", "pyfen")
        Traceback (most recent call last):
            ...
        harness.errors.UserError: Unknown counter 'pyfen'. Use one of: pyphen, phonetic.
    """
    own = TABLE[kind].get(name)
    if own is not None:
        return own
    for entry in entry_points(group=f"sandglass.{kind}", name=name):
        return entry.value
    singular = {"strategies": "strategy"}.get(kind, kind[:-1])
    known = ", ".join(names(kind)) or "(none yet)"
    raise UserError(f"Unknown {singular} {name!r}.", f"Use one of: {known}.")


def get(kind: Kind, name: str) -> Any:
    """Import what a name stands for.

    Raises:
        UserError: there is no such name.
    """
    module, _, attribute = find(kind, name).partition(":")
    return getattr(import_module(module), attribute) if attribute else import_module(module)
