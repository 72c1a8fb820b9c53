"""One run of a study, in a process of its own: ``python -m trainers.common.study_run STUDY KEY SEED OUT [--quick]``."""

import argparse
import os
from pathlib import Path


def main() -> None:
    """Run one arm with one seed, on one thread."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study")
    parser.add_argument("key")
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    from trainers.common.studies import find_study
    from trainers.common.study import run_one

    study = find_study(args.study)
    arm = next(arm for arm in study.arms if arm.key == args.key)
    run_one(study, arm, args.seed, args.out, args.quick)


if __name__ == "__main__":
    main()
