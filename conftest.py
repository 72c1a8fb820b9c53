"""Where the extra ``train`` is not installed, what imports it is not collected; other tests of the trainers skip."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("trl") else ["trainers/*", "tests/alpo_process.py"]
