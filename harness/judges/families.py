"""Families of models: who made the weights, read off a model's name.

A judge prefers texts of its own family, so a panel leaves the family of the judged
system out (``validity.md``, rule 7).
"""

import re

FAMILIES: tuple[tuple[str, str], ...] = (
    ("openai", r"gpt|chatgpt|davinci|o[134](?:-|$)"),
    ("anthropic", r"claude"),
    ("google", r"gemini|gemma|palm"),
    ("deepseek", r"deepseek"),
    ("alibaba", r"qwen|qwq|qvq|tongyi"),
    ("meta", r"llama"),
    ("mistral", r"mistral|mixtral|ministral|magistral|codestral|pixtral"),
    ("zhipu", r"glm"),
    ("moonshot", r"kimi|moonshot"),
    ("xai", r"grok"),
    ("cohere", r"(?:command|aya)(?![a-z])"),
    ("tencent", r"hunyuan"),
    ("baidu", r"ernie"),
    ("bytedance", r"doubao|seed(?![a-z])"),
    ("minimax", r"minimax|abab"),
    ("microsoft", r"phi(?![a-z])"),
    ("01", r"yi(?![a-z])"),
    ("lg", r"exaone"),
    ("swiss", r"apertus"),
    ("unbabel", r"tower"),
)
"""Family and how the words of its models' names begin; a word begins after anything but a letter or digit."""

DERIVED: tuple[tuple[str, frozenset[str]], ...] = (
    ("alma", frozenset({"meta"})),
    ("vicuna", frozenset({"meta", "openai"})),
    ("hermes", frozenset({"meta"})),
)


def families(model: str) -> frozenset[str]:
    """Return the families a model belongs to: several where one was distilled into another.

    Args:
        model: a model's name, with or without a provider and a version.

    Returns:
        Names of families; an unknown model is a family of its own.

    Examples:
        >>> sorted(families("openrouter/anthropic/claude-sonnet-4"))
        ['anthropic']
        >>> sorted(families("deepseek/deepseek-r1-distill-qwen-32b"))
        ['alibaba', 'deepseek']
        >>> sorted(families("openai/o3-mini")), sorted(families("hosted_vllm/our-model"))
        (['openai'], ['our-model'])
    """
    name = model.rsplit("/", 1)[-1].lower()
    found = {family for family, begins in FAMILIES if re.search(rf"(?<![a-z0-9])(?:{begins})", name)}
    for word, more in DERIVED:
        if re.search(rf"(?<![a-z0-9]){word}", name):
            found |= more
    return frozenset(found) or frozenset({name})


def related(model: str, other: str) -> bool:
    """Say whether two models share a family.

    Examples:
        >>> related("openai/gpt-5", "azure/gpt-4o"), related("openai/gpt-5", "anthropic/claude-opus-4")
        (True, False)
    """
    return bool(families(model) & families(other))


def model_names(*models: str) -> frozenset[str]:
    """Return the names by which ``optimised_for`` lists models: each model's own, and its families.

    Examples:
        >>> sorted(model_names("deepseek/deepseek-chat"))
        ['family/deepseek', 'model/deepseek/deepseek-chat']
    """
    return frozenset(
        name for model in models for name in (f"model/{model}", *(f"family/{family}" for family in families(model)))
    )
