"""python -m tests.hostile --count 6000 --seed 0 [--keep FOLDER] [--replay FILE.json ...]"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.hostile import campaign
from tests.hostile.case import Case
from tests.hostile.sandbox import Server


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile", description="Mutated files through the real programs."
    )
    parser.add_argument("--count", type=int, default=6000, help="cases (default 6000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, default=Path("out/hostile"), help="where violations go (default out/hostile)"
    )
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="run kept cases again instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        if args.replay:
            server = Server(Path(folder))
            bad = 0
            for path in args.replay:
                verdict = server.run(Case.load(path.read_text()))
                bad += bool(verdict.violations)
                print(
                    f"{path.name}: {verdict.what}, {verdict.cpu:.1f} s, {verdict.memory >> 20} MiB {verdict.violations}"
                )
                print(verdict.stderr[-1500:] if verdict.violations else f"  {verdict.error[:300]}")
            return bool(bad)
        tallies = campaign.run(args.count, args.seed, Path(folder), args.keep)
    print(campaign.table(tallies))
    bad = sum(tally.violations for tally in tallies.values())
    print(f"{bad} violations" + (f", in {args.keep}" if bad else ""))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
