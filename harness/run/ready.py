"""Is a plan ready to run? What is missing is said before anything is spent."""

from harness.errors import UserError
from harness.metrics.bleu_rho import scorer
from harness.run.plan import Plan


def prepare(plan: Plan) -> None:
    """Build a plan's strategies, load the parts of its protocol, and check that they suit the task.

    Raises:
        UserError: an unknown strategy or option, a part that is not installed, or one that does not suit the task.
    """
    for part in ("strategies", "judges", "units", "metrics", "run_id"):
        getattr(plan, part)  # made at the first use, and kept
    _check_strategy(plan)
    if plan.protocol.with_models:
        scorer(plan.frame.bleu_tokenizer)
    without = any(segment.reference is None for segment in plan.task.segments)
    for judge in plan.judges:
        if without and getattr(judge, "needs_reference", False):
            raise UserError(
                f"The judge {judge.name} compares with a baseline, and {plan.task.name} has none for some segments.",
                "Give data with the baseline's outputs.",
            )
    for estimator in plan.estimators:
        if without and estimator.needs_reference:
            raise UserError(
                f"{estimator.name} needs references, and {plan.task.name} has none for some segments.",
                "Take an estimator that needs none, such as cometkiwi.",
            )


def _check_strategy(plan: Plan) -> None:
    strategy = plan.strategies.get(plan.seeds[0])
    if strategy is not None and getattr(strategy, "task_kind", "translation") != plan.task.kind:
        raise UserError(
            f"{plan.strategy} is not for {plan.task.name}, a task of {plan.task.kind}.",
            "Use respond." if plan.task.kind == "instructions" else "Use a strategy that translates.",
        )
