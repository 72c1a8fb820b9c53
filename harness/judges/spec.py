"""Judges as written on the command line, such as ``accuracy:model=openai/gpt-x:scale=100``.

Options of every kind: ``model`` or ``panel`` (models joined by commas), ``scope`` (``line`` or
``chunk``, all lines of one prompt together), ``api_base``,
``source`` and ``target`` (languages), ``temperature`` (``provider`` leaves it to the
provider), ``max_tokens``, ``reasoning_effort``. The rest are the kind's own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.errors import UserError
from harness.judges.core import Setting
from harness.llm.types import Decode

COMMON = ("model", "panel", "scope", "api_base", "source", "target", "temperature", "max_tokens", "reasoning_effort")
SCOPES = ("line", "chunk")
TEMPERATURES = {"candidates": "0.3"}
"""Default temperatures other than 0, so that votes differ: ALPO's for the scoring of candidates."""
SPLIT = re.compile(r":(?=[a-z_]+=)")
"""A colon belongs to a value unless a name and an equals sign follow it: addresses and model names hold some."""


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split a judge's specification into kind and options.

    Raises:
        UserError: an option without a name or value, or one given twice.

    Examples:
        >>> parse_spec("accuracy:model=openai/a:free:api_base=http://127.0.0.1:8000/v1:scale=5")
        ('accuracy', {'model': 'openai/a:free', 'api_base': 'http://127.0.0.1:8000/v1', 'scale': '5'})
    """
    kind, *parts = SPLIT.split(spec)
    options: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if not value or name in options:
            raise UserError(f"Judge {spec!r}: {part!r} is empty or given twice.", "Write KIND:option=value, each once.")
        options[name] = value
    if ":" in kind or "=" in kind or not kind:
        raise UserError(f"Judge {spec!r} has no kind, or an option without a value.", "Write KIND:option=value.")
    return kind, options


def scope(spec: str) -> str:
    """Return what a judge looks at: one ``line``, or a ``chunk`` of lines.

    Raises:
        UserError: another scope.

    Examples:
        >>> scope("accuracy:model=openai/a"), scope("accuracy:model=openai/a:scope=chunk")
        ('line', 'chunk')
    """
    value = parse_spec(spec)[1].get("scope", SCOPES[0])
    if value not in SCOPES:
        raise UserError(f"Judge {spec!r}: the scope cannot be {value!r}.", f"Use one of: {', '.join(SCOPES)}.")
    return value


def settings(spec: str, source: str = "", target: str = "") -> tuple[Setting, ...]:
    """Return the setting of a judge, or of each judge of a panel.

    Args:
        spec: the specification.
        source: source language, where the specification names none.
        target: target language, likewise.

    Raises:
        UserError: a model or language is missing, or a value is out of range.

    Examples:
        >>> [s.model for s in settings("accuracy:panel=openai/a,anthropic/b", "zh", "en")]
        ['openai/a', 'anthropic/b']
    """
    kind, options = parse_spec(spec)
    if ("model" in options) == ("panel" in options):
        raise UserError(f"Judge {spec!r} needs a model.", "Give either model=NAME or panel=NAME,NAME,NAME.")
    models = [options["model"]] if "model" in options else options["panel"].split(",")
    if len(set(models)) < len(models) or not all(models):
        raise UserError(f"Judge {spec!r} names a model twice, or an empty one.", "Name each model of a panel once.")
    if any(model.startswith("local/") for model in models):
        raise UserError(f"Judge {spec!r}: the embedded model cannot judge.", "Name a chat model.")
    languages = options.get("source", source), options.get("target", target)
    if not all(languages):
        raise UserError(f"Judge {spec!r} needs two languages.", "Give source=CODE and target=CODE.")
    own = {name: value for name, value in options.items() if name not in COMMON}
    decode = _decode(spec, kind, options)
    return tuple(Setting(kind, model, *languages, decode, options.get("api_base"), own) for model in models)


def _decode(spec: str, kind: str, options: Mapping[str, str]) -> Decode:
    base = Decode(max_tokens=2048, reasoning_effort=options.get("reasoning_effort"))
    try:
        tokens = int(options.get("max_tokens", base.max_tokens))
        given = options.get("temperature", TEMPERATURES.get(kind, "0"))
        temperature = None if given == "provider" else float(given)
    except ValueError:
        tokens, temperature = 0, None
    if tokens < 1 or (temperature is not None and not 0 <= temperature <= 2):
        raise UserError(f"Judge {spec!r}: max_tokens or temperature is out of range.", "Give 1 or more, and 0 to 2.")
    return replace(base, max_tokens=tokens, temperature=temperature)


def check_options(setting: Setting, *known: str) -> None:
    """Refuse options that a kind of judge does not have.

    Raises:
        UserError: an unknown option.
    """
    for name in setting.options:
        if name not in known:
            raise UserError(
                f"Judge {setting.kind} has no option {name!r}.", f"It takes {', '.join((*COMMON, *known))}."
            )


def choice(setting: Setting, name: str, values: Sequence[str]) -> str:
    """Return an option that is one of several values, the first where it is not given.

    Raises:
        UserError: another value.
    """
    value = setting.options.get(name, values[0])
    if value not in values:
        raise UserError(f"Judge {setting.kind}: {name} cannot be {value!r}.", f"Use one of: {', '.join(values)}.")
    return value
