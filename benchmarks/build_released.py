"""The published Sand-Glass texts through the builder: what its filters and near-duplicate removal say of them.

    python benchmarks/build_released.py SANDGLASS.JSON OUT [--sources ocr|asr]

Each of the 96 videos becomes a transcript of plain segments with the released times, taken as
they are. The released items are scattered over their videos, so nothing is joined or cut.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from harness.cli import main as sandglass

FIELDS = {"ocr": "text_ocr_modify", "asr": "text"}
DOMAINS = {"二次元": "acgn", "影视": "film", "旅游出行": "travel", "游戏": "gaming", "知识": "knowledge"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--sources", choices=FIELDS, default="ocr", help="text to translate, or what the times belong to"
    )
    args, rest = parser.parse_known_args()
    videos = defaultdict(list)
    for item in json.loads(args.data.read_text(encoding="utf-8")):
        record = {"start": item["start_time"], "end": item["end_time"], "text": item[FIELDS[args.sources]]}
        videos[DOMAINS[item["fenqu"]], item["file_name"]].append(record)
    with tempfile.TemporaryDirectory() as folder:
        for (domain, name), records in videos.items():
            path = Path(folder) / domain / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
        inputs = [word for domain in DOMAINS.values() for word in ("--input", f"{domain}={folder}/{domain}")]
        fixed = [
            "--keep-cues",
            "--name",
            f"released_{args.sources}",
            "--out",
            str(args.out),
            "--public",
            str(args.data),
        ]
        return sandglass(["build", "sandglass", *inputs, *fixed, *rest])


if __name__ == "__main__":
    sys.exit(main())
