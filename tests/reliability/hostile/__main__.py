"""python -m tests.reliability.hostile [--count 6000] [--seed 0] [--keep FOLDER] [--kept] [--replay FILE.json ...]"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.reliability.hostile import campaign, seeds
from tests.reliability.hostile.crafted import crafted
from tests.reliability.hostile.sandbox import Server
from tests.reliability.hostile.selfcheck import unseen


def main() -> int:
    """0 where nothing went wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.hostile", description="Mutated files, real programs."
    )
    parser.add_argument("--count", type=int, default=6000, help="fresh cases (default 6000)")
    parser.add_argument("--seed", type=int, default=0, help="of the fresh cases")
    parser.add_argument("--keep", type=Path, default=Path("out/hostile"), help="for violations (default out/hostile)")
    parser.add_argument("--kept", action="store_true", help="first the sandbox itself, kept seeds and crafted files")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="only these kept cases, one by one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        server = Server(Path(folder))
        if args.replay:
            return replay(server, args.replay)
        missed = unseen(server) if args.kept else []
        tallies = campaign.run(server, args.count, args.seed, args.keep, kept=kept() if args.kept else {})
    print(campaign.table(tallies))
    bad = sum(tally.violations for tally in tallies.values())
    print(f"{bad} violations" + (f", in {args.keep}" if bad else ""))
    for line in missed:
        print(f"the sandbox did not see: {line}")
    return bool(bad or missed)


def kept() -> dict[str, campaign.Case]:
    """Name -> case."""
    found = {path.stem: seeds.load(path) for path in sorted(seeds.FOLDER.glob("*.json"))}
    return found | dict(crafted())


def replay(server: Server, paths: list[Path]) -> int:
    """Run kept cases and say what they did."""
    bad = 0
    for path in paths:
        verdict = server.run(seeds.load(path))
        bad += bool(verdict.violations)
        print(f"{path.name}: {verdict.what}, {verdict.cpu:.1f} s, {verdict.memory >> 20} MiB {verdict.violations}")
        print(verdict.stderr[-1500:] if verdict.violations else f"  {verdict.error[:300]}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
