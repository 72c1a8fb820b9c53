"""What a strategy is: a way of using a model to translate an item within a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness import registry
from harness.budget import Budget
from harness.errors import UserError
from harness.llm.types import LLM, Decode
from harness.records import Item, Translation


@dataclass(frozen=True, slots=True)
class Setting:
    """What a strategy works with.

    Attributes:
        model: model name.
        budget: language pair, bounds and counter.
        decode: decoding parameters of the system's calls.
        seed: number of the repeat, sent to the provider.
        api_base: server, where it is not the provider's own.
        options: the strategy's own options, as text.
    """

    model: str
    budget: Budget
    decode: Decode = field(default_factory=Decode)
    seed: int = 1
    api_base: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class Strategy(Protocol):
    """A way of translating; one file in ``baselines/`` each.

    One that answers instructions instead has an attribute ``task_kind``, which equals the task's.
    """

    @property
    def line(self) -> str:
        """Name, options and prompt hash: the strategy's part of the system line."""
        ...

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt texts behind the hash in ``line``, kept in the manifest."""
        ...

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """Families of the metrics that selection used, which then are no evidence."""
        ...

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Translate an item, one translation for each of its segments, in order."""
        ...


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split a strategy as written on the command line into name and options.

    Args:
        spec: ``name`` or ``name:option=value:option=value``.

    Returns:
        Name and options.

    Raises:
        UserError: an option without a value.

    Examples:
        >>> parse_spec("best_of_n:n=4:selector=round_trip")
        ('best_of_n', {'n': '4', 'selector': 'round_trip'})
    """
    name, *rest = spec.split(":")
    options: dict[str, str] = {}
    for part in rest:
        key, equals, value = part.partition("=")
        if not equals or not key or not value:
            raise UserError(f"Strategy {spec!r}: {part!r} is no option.", "Write name:option=value.")
        options[key] = value
    return name, options


def check_options(options: Mapping[str, str], known: Sequence[str], strategy: str) -> None:
    """Refuse options that a strategy does not have.

    Raises:
        UserError: an unknown option.
    """
    for name in options:
        if name not in known:
            raise UserError(
                f"Strategy {strategy} has no option {name!r}.",
                f"It takes {', '.join(known)}." if known else "It takes none.",
            )


def build(spec: str, setting: Setting) -> Strategy:
    """Build a strategy from its command-line form.

    Raises:
        UserError: unknown strategy or option.
    """
    name, options = parse_spec(spec)
    factory = registry.get("strategies", name)
    strategy: Strategy = factory(
        Setting(setting.model, setting.budget, setting.decode, setting.seed, setting.api_base, options)
    )
    return strategy
