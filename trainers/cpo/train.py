"""``sandglass train cpo``: read the configuration and the triplets, check them, train, save."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import EXIT_OK, UserError
from harness.jsonl import to_line, write_atomic
from harness.records import dump
from trainers.common.config import find_config, read_config
from trainers.cpo import toy
from trainers.cpo.config import PACKAGE, Config
from trainers.cpo.toy_model import measure_toy, told_toy, toy_base, toy_prompt
from trainers.cpo.triplets import Selection, Triplet, family, prompt, read_triplets, select, usable, with_noise


def main(config_path: str, sets: Sequence[str], dry_run: bool) -> int:
    """Train by a configuration.

    Args:
        config_path: a TOML file, or ``toy`` or ``default``.
        sets: overrides such as ``train.seed=1``.
        dry_run: check everything, say what would be trained, and stop before a model is loaded.

    Returns:
        Exit code.

    Raises:
        UserError: something in the configuration or the data is wrong.
    """
    config = read_config(find_config(config_path, PACKAGE), Config, sets)
    corpus = load_corpus(config)
    print(told(config, corpus))
    if dry_run:
        return EXIT_OK
    finished = run(config, corpus)
    print(f"Finished: {finished}")
    if config.toy is not None:
        print(told_toy(measure_toy(config, Path(config.train.output) / "base"), measure_toy(config, finished)))
    return EXIT_OK


def load_corpus(config: Config) -> Selection:
    """Read the triplets, or make the toy's.

    Raises:
        UserError: the file is wrong, or nothing usable is in it.
    """
    if config.toy is not None:
        made = select(toy.outputs(config.toy.sources, config.train.seed), selected_by=(toy.SELECTED_BY,))
    else:
        made = usable(read_triplets(Path(config.data.triplets)), config.data.directions)
    if config.data.rejected == "noised":
        noised = with_noise(made.triplets, config.train.seed)
        made = Selection(noised.triplets, made.skipped | {f"noise_{why}": n for why, n in noised.skipped.items()})
    if not made.triplets:
        raise UserError(f"No triplet is left: {made.skipped}.", "Check data.triplets and data.directions.")
    return made


def told(config: Config, corpus: Selection) -> str:
    """Say what is trained, in a few lines."""
    loss = config.loss
    terms = {
        "sft": "sft",
        "dpo": f"dpo {loss.kind}, beta {loss.beta:g}",
        "cpo": f"cpo {loss.kind}, beta {loss.beta:g}, cpo_alpha {loss.cpo_alpha:g}, nll {loss.nll}",
    }
    base = config.model.path if config.model else "a tiny model fitted to a made-up language"
    left_out = ", ".join(f"{n} {why}" for why, n in corpus.skipped.items()) or "nothing"
    return "\n".join(
        [
            f"{base} on {len(corpus.triplets)} triplets, rejected {config.data.rejected}; left out: {left_out}",
            terms[loss.objective],
            f"optimised for: {', '.join(optimised_for(corpus.triplets)) or 'unknown: scores came with the file'}",
        ]
    )


def optimised_for(triplets: Sequence[Triplet]) -> tuple[str, ...]:
    """Return what chose between translations: estimators with their families.

    Examples:
        >>> optimised_for([Triplet("1", "de", "en", "ja", "yes", "no", selected_by=("kiwi_xxl", "xcomet"))])
        ('comet', 'kiwi_xxl', 'xcomet')
        >>> optimised_for([Triplet("1", "de", "en", "ja", "yes", "no", selected_by=("embed_qe",))])
        ('embed_qe', 'embedding/usem3')
    """
    names = {name for one in triplets for name in one.selected_by}
    return tuple(sorted(names | {found for name in names if (found := family(name))}))


def run(config: Config, corpus: Selection, fitted: Path | None = None) -> Path:
    """Train and save.

    Args:
        config: the run.
        corpus: what is learned from.
        fitted: the toy's base model, where it lies elsewhere than below the output.

    Returns:
        Folder of the finished checkpoint.

    Raises:
        UserError: every prompt is too long, the output holds a run on other triplets, the loss is no number, or the
            model may not be loaded.
    """
    from trainers.common.card import Card
    from trainers.common.models import load_model, lora_config
    from trainers.common.running import hash_of, prepare, train
    from trainers.cpo.trainer import build

    output = prepare(config.train, config)
    base = config.model or toy_base(config, fitted or output / "base")
    model, tokenizer = load_model(base)
    ask = toy_prompt if config.toy is not None else full_prompt
    triplets = [
        one for one in corpus.triplets if len(tokenizer(ask(one))["input_ids"]) <= config.data.max_prompt_length
    ]
    if not triplets:
        raise UserError("Every prompt is longer than data.max_prompt_length.", "Raise it, with data.max_length.")
    if too_long := len(corpus.triplets) - len(triplets):
        print(f"Left out: {too_long} prompts longer than {config.data.max_prompt_length} tokens.")
    data = [dump(one) for one in triplets]
    _claim(output / "triplets.jsonl", b"".join(map(to_line, data)))
    card = Card(
        method="cpo",
        base=base.path if config.model else "a tiny model fitted to imperfect references",
        optimised_for=optimised_for(triplets),
        config=dump(config),
        data={"sha256": hash_of(data), "triplets": str(len(data)), "rejected": config.data.rejected},
        demonstration=config.toy is not None,
    )
    trainer = build(model, tokenizer, triplets, ask, config.loss, config.train, config.data, lora_config(base))
    return train(trainer, config.train, card)


def _claim(path: Path, written: bytes) -> None:
    """Keep the triplets with the run, so that it does not go on with others."""
    if path.is_file() and path.read_bytes() != written:
        raise UserError(
            f"{path.parent} holds a run on other triplets.",
            "Restore data.triplets, or name another folder with --set train.output=FOLDER.",
        )
    write_atomic(path, written)


def full_prompt(one: Triplet) -> str:
    """Return ALMA's prompt for a triplet."""
    return prompt(one.source, one.target, one.text)
