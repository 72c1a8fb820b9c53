"""Every study by name, with the import path of its definition."""

from importlib import import_module

from harness.errors import UserError
from trainers.common.study import Study

STUDIES: dict[str, str] = {
    "alpo": "trainers.alpo.studies:ALPO",
    "cpo": "trainers.cpo.studies:CPO",
    "homura-bounds": "trainers.homura.studies:BOUNDS",
    "homura-clip": "trainers.homura.studies:CLIP",
    "homura-kl": "trainers.homura.studies:KL",
    "homura-rewards": "trainers.homura.studies:REWARDS",
    "homura-theta": "trainers.homura.studies:THETA",
    "icr": "trainers.icr.studies:ICR",
    "genrm": "trainers.homura.genrm.studies:GENRM",
}


def find_study(name: str) -> Study:
    """Return a study.

    Raises:
        UserError: there is none of this name.
    """
    if name not in STUDIES:
        raise UserError(f"There is no study {name!r}.", f"Choose one of {', '.join(sorted(STUDIES))}.")
    module, _, attribute = STUDIES[name].partition(":")
    study: Study = getattr(import_module(module), attribute)
    return study
