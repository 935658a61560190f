"""What each part of a configuration is worth: one run for every variant, all measured on the same held-out pairs.

    python -m tools.ablations --pairs data/toon_front/test/pairs.csv --out result/ablations --samples 4000

Every variant is a real run of train.py (in its own folder below --out, gone on with where it stopped) with
configs/compact.yaml and configs/small_compact.yaml and what the variant changes; all are then measured by evaluate.py.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line

ROOT = Path(__file__).resolve().parent.parent
OVERLAYS = ("configs/compact.yaml", "configs/small_compact.yaml")
GAN = {"dis_ganLoss_weight": 1, "gen_ganLoss_weight": 1}
AS_RELEASED = {
    "attn_rows": "identity",
    "carry": "false",
    "pose_skip": "false",
    "retarget": "false",
    "gen_surfaceLoss_weight": 0,
}
VARIANTS: dict[str, dict[str, object]] = {
    "base": {},
    "attention not taught": {"gen_surfaceLoss_weight": 0},
    "attention as released, not taught": AS_RELEASED,
    "identity does not change proportions": {"retarget": "false"},
    "no skip from the pose": {"pose_skip": "false"},
    "no pixels carried": {"carry": "false"},
    "a body, taught beside": {"body_parts": 25, "gen_surfaceLoss_weight": 1, "carry": "false", "pose_skip": "false"},
    "attention at 16x16 only": {"dec_attn_layers": "[0]"},
    "no perceptual term": {"gen_perceptualLoss_weight": 0},
    "perceptual term 10": {"gen_perceptualLoss_weight": 10},
    "perceptual term 40, target 4": {"gen_perceptualLoss_weight": 40, "gen_targetLoss_weight": 4},
    "BCE GAN": GAN,
    "BCE GAN at 0.1": {"dis_ganLoss_weight": 1, "gen_ganLoss_weight": 0.1},
    "hinge GAN": {**GAN, "ganLoss_type": "hinge"},
    "losses as released": GAN
    | AS_RELEASED
    | {"gen_targetLoss_weight": 0, "gen_perceptualLoss_weight": 0, "gen_reconLoss_weight": 15},
    "rate falling over the last half": {"lr_decay_epochs": "half"},
    "batch 8": {"batch_size": 8},
    "batch 2": {"batch_size": 2},
    "reverse branch from a = 0": {"alpha_init": 0},
    "reconstruction 4": {"gen_reconLoss_weight": 4},
    "new renders for every sample": {"share_renders": "false"},
    "with rendered characters": {"dataset_path": "toon + toon + toon + data/quaternius"},  # of prepare.py mixamo
    "base, seed 1": {"seed": 1},
    "base, seed 2": {"seed": 2},
}
PER_EPOCH = 500


def build_parser() -> Parser:
    parser = Parser(prog="tools.ablations", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="CSV of held-out identity,pose,target")
    parser.add_argument("--out", type=Path, default=Path("result/ablations"), help="folder for the runs and the table")
    parser.add_argument("--samples", type=int, default=4000, help=f"of each run, a multiple of {2 * PER_EPOCH}")
    parser.add_argument("--dataset_path", default="toon")
    parser.add_argument("--only", nargs="*", metavar="VARIANT", help=f"some of: {'; '.join(VARIANTS)}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def options(name: str, args: argparse.Namespace) -> list[str]:
    """The command line of a variant, after the configuration files."""
    epochs = args.samples // PER_EPOCH
    keys: dict[str, object] = {
        "dataset_path": args.dataset_path,
        "samples_per_epoch": PER_EPOCH,
        "num_epochs": epochs,
        "num_workers": 0,
        "patch": 1,
        "result_path": args.out,
        "result_title": "_".join(re.findall(r"[\w.-]+", name)),
        "validation_pairs": 0,
        "sample_rows": 8,
        "ema_decay": 0.995,
    }
    keys |= {key: epochs // 2 if value == "half" else value for key, value in VARIANTS[name].items()}
    return [part for key, value in keys.items() for part in (f"--{key}", str(value))]


def train(name: str, args: argparse.Namespace) -> Path:
    """Run a variant to its end; its folder."""
    line = options(name, args)
    print(f"\n{name}", flush=True)
    subprocess.run([sys.executable, "train.py", *OVERLAYS, *line], cwd=ROOT, check=True)
    return args.out / line[line.index("--result_title") + 1]


def main() -> None:
    args = build_parser().parse_args()
    args.out, args.pairs = args.out.resolve(), args.pairs.resolve()
    names = args.only or list(VARIANTS)
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        raise CaptureError(f"{unknown[0]}: no such variant; there are {'; '.join(VARIANTS)}")
    if args.samples < 2 * PER_EPOCH or args.samples % (2 * PER_EPOCH):
        raise CaptureError(f"--samples: give a multiple of {2 * PER_EPOCH}, found {args.samples}")
    if not args.pairs.is_file():
        raise CaptureError(f"--pairs {args.pairs}: no such file; prepare.py writes one for each test set")
    try:
        results = [str(train(name, args)) for name in names]
        where = ("--pairs", str(args.pairs), "--out", str(args.out / "evaluation"))  # where its tables go
        subprocess.run([sys.executable, "evaluate.py", *results, *where], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as error:
        raise CaptureError(f"{' '.join(map(str, error.cmd[1:3]))} ended with status {error.returncode}") from None


if __name__ == "__main__":
    command_line(main)()
