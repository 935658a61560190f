"""Measure results on a test set and print the paper's table: L1, SSIM, LPIPS, FID.

    python evaluate.py result/Fashion --pairs DATASET/test/pairs.csv
    python evaluate.py result/A result/B --pred Theirs=their/pictures --pairs DATASET/test/pairs.csv --require lpips,fid
    python evaluate.py result/Fashion --self Fashion_dataset/test
    python evaluate.py result/A --suite styles --suite_root data/suite
    torchrun --nproc_per_node 2 evaluate.py result/A --pairs DATASET/test/pairs.csv

docs/METRICS.md says what is measured, how, and which files come out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from capture.cli.map_options import add_predict_uv
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as
from capture.metrics import LPIPS_NETS
from capture.metrics.choice import DEFAULT, METRICS, NEED_WEIGHTS, parse_metrics

if TYPE_CHECKING:
    from capture.evaluation.evaluation import Request
    from capture.evaluation.suite_table import SuiteTable
    from capture.evaluation.table import Table

PROGRAM = "evaluate.py"
SUITE_ROOT = Path("data") / "suite"  # where datasets of suites are, where --suite_root does not say otherwise


def build_parser() -> Parser:
    about = described(__doc__, PROGRAM).split("\n\n")[0]
    parser = Parser(prog=started_as(PROGRAM), description=about, epilog="docs/METRICS.md has the protocol.")
    parser.add_argument(
        "results", nargs="*", type=Path, metavar="RESULT", help="a result folder, or an exported generator"
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        help="CSV of identity,pose,target: the test set; the columns identity_uv, pose_uv and target_uv name IUV maps, "
        "for methods that read them",
    )
    parser.add_argument(
        "--self",
        type=Path,
        dest="self_folder",
        metavar="FOLDER",
        help="instead of --pairs: folders of frames; each frame is rebuilt from another of its video",
    )
    parser.add_argument(
        "--suite",
        metavar="NAME",
        help="instead of --pairs: a list of datasets, configs/suites/NAME.yaml or a file, and the worst of them",
    )
    parser.add_argument(
        "--suite_root",
        type=Path,
        metavar="FOLDER",
        help="where the suite's datasets are (default: data/suite); python -m tools.suite_data makes them",
    )
    parser.add_argument(
        "--pred",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="a row for pictures made elsewhere: 00000.png for the first pair, or named as the targets",
    )
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        choices=("puppet",),
        help="a row for a classical method: as-rigid-as-possible puppets moved by the segmenter's parts",
    )
    parser.add_argument("--out", type=Path, help="where everything is written (default: <first result>/evaluation)")
    parser.add_argument(
        "--weights",
        type=Path,
        default=os.environ.get("CAPTURE_WEIGHTS") or None,
        metavar="DIR",
        help="where the weights of LPIPS and FID are (default: $CAPTURE_WEIGHTS; neither: fetch them)",
    )
    parser.add_argument(
        "--metrics",
        default=",".join(DEFAULT),
        metavar="NAMES",
        help=f"some of {','.join(METRICS)}, or all; fg: L1 and SSIM on the foreground (default: %(default)s)",
    )
    parser.add_argument(
        "--segmenter",
        type=Path,
        metavar="RESULT",
        help="a result of capture_parts whose part segmenter measures pose and identity (default: result/Toon)",
    )
    parser.add_argument("--require", default="", metavar="lpips,fid", help="fail where one of these can't be measured")
    parser.add_argument(
        "--no_intervals", action="store_true", help="a table without confidence intervals and without marks"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write one self-contained page with pictures")
    parser.add_argument("--lpips_net", choices=LPIPS_NETS, default="alex", help="the network of LPIPS (default: alex)")
    parser.add_argument("--batch_size", type=int, default=8, help="pairs at a time: memory and speed only (default: 8)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--limit", type=int, help="measure only so many pairs, evenly spaced")
    parser.add_argument("--size", type=int, help="side of the pictures; needed only where no result says it")
    parser.add_argument(
        "--framing",
        choices=("as_is", "auto"),
        default="as_is",
        help="auto: put figures on the ground and scale them to the size that the weights know (default: as_is)",
    )
    parser.add_argument(
        "--as_saved",
        action="store_true",
        help="measure the pictures that save_result.py saves, at the size of the identity's picture and pixel art of "
        "pixel art, in place of the network's own",
    )
    add_predict_uv(parser, "predict IUV maps that the pairs do not name, by this result of CaPTURe-Parts")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def parse(args: argparse.Namespace) -> Request:
    """The command line as a Request; CaptureError for what makes no sense."""
    for name in ("batch_size", "limit", "size"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise CaptureError(f"--{name} {value}: give a whole number from 1 up")
    require = [name.strip().lower() for name in args.require.split(",") if name.strip()]
    if not set(require) <= set(NEED_WEIGHTS):
        raise CaptureError(
            f"--require {args.require}: give {','.join(NEED_WEIGHTS)}, or some of them (the others never need weights)"
        )
    metrics = parse_metrics(args.metrics)
    unmeasured = next((name for name in require if name not in metrics), None)
    if unmeasured is not None:
        raise CaptureError(f"--require {unmeasured}: --metrics {args.metrics} leaves it out; add it there")
    if args.suite_root is not None and args.suite is None:
        raise CaptureError("--suite_root: only with --suite; leave it out")
    if args.segmenter is not None and not {"pose", "identity"} & set(metrics) and not args.reference:
        raise CaptureError("--segmenter: only with --metrics pose or identity, or --reference; leave it out")
    if args.lpips_net != "alex" and "lpips" not in metrics:
        raise CaptureError(f"--lpips_net {args.lpips_net}: --metrics {args.metrics} leaves lpips out; add it there")
    if args.suite is not None and (args.pairs or args.self_folder or args.pred):
        raise CaptureError(f"--suite {args.suite}: it has its own pairs; leave --pairs, --self and --pred out")
    out = args.out or default_out(args.results)
    if args.suite is not None and args.html is not None:
        raise CaptureError("--html: it is a page of one dataset, and --suite has several; leave it out")
    if args.suite is not None and not args.out:
        out = out / Path(args.suite).stem
    if out.exists() and not out.is_dir():
        raise CaptureError(f"--out {out}: a file is in the way; give a folder")
    if args.html is not None and args.html.is_dir():
        raise CaptureError(
            f"--html {args.html}: a folder is in the way; give a file such as {args.html / 'report.html'}"
        )

    from capture.evaluation.evaluation import Request  # imports torch, which takes seconds

    return Request(
        results=args.results,
        predictions=[named(text) for text in args.pred],
        pairs=args.pairs,
        self_folder=args.self_folder,
        out=out,
        weights=args.weights and Path(args.weights),
        require=require,
        lpips_net=args.lpips_net,
        batch_size=args.batch_size,
        device=args.device,
        limit=args.limit,
        size=args.size,
        framing=args.framing == "auto",
        predict_uv=args.predict_uv,
        metrics=metrics,
        segmenter=args.segmenter,
        intervals=not args.no_intervals,
        html=args.html,
        references=args.reference,
        as_saved=args.as_saved,
    )


def named(text: str) -> tuple[str, Path]:
    """NAME=DIR, or DIR, which then is also the name."""
    name, equals, folder = text.partition("=")
    if equals and name and folder and not Path(text).exists():
        return name, Path(folder)
    return Path(text).resolve().name, Path(text)


def default_out(results: list[Path]) -> Path:
    """<first result>/evaluation, or result/evaluation."""
    if not results:
        return Path("result") / "evaluation"
    return (results[0] if results[0].is_dir() else results[0].parent) / "evaluation"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> None:
    args = build_parser().parse_args()
    request = parse(args)

    from capture.common.threads import choose_threads
    from capture.evaluation.evaluation import evaluate
    from capture.evaluation.parallel import Workers

    choose_threads()
    workers = Workers()
    try:
        if args.suite is None:
            table: Table | SuiteTable | None = evaluate(request, workers)
        else:
            from capture.evaluation.suite import evaluate_suite, read_suite

            table = evaluate_suite(request, read_suite(args.suite), args.suite_root or SUITE_ROOT, workers, _say)
    finally:
        workers.close()
    if table is not None:
        print(table.text(), end="")
        print(f"written to {request.out}/", file=sys.stderr)


if __name__ == "__main__":
    command_line(main)()
