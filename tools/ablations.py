"""What each part of a configuration is worth: one run for every variant, all measured on the same held-out pairs.

    python -m tools.ablations --pairs data/toon_front/test/pairs.csv --out result/ablations --samples 4000

Every variant is a real run of train.py in its own folder below --out, which goes on where it stopped: a small network
of CaPTURe with true targets or of CaPTURe-Parts, at 64x64, and what the variant changes. All are then measured by
evaluate.py. A variant that starts from another one (start_from) has that one trained first.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line

ROOT = Path(__file__).resolve().parent.parent
COMMON: dict[str, object] = {"toon_views": "front", "share_renders": "true", "image_size": 64}
SUPERVISED = COMMON | {
    "method": "capture_supervised",
    "idenE_config.downs": 2,
    "poseE_config.downs": 2,
    "idenE_config.c": 16,
    "poseE_config.c": 16,
    "idenE_config.min_ch": 64,
    "poseE_config.min_ch": 64,
    "dec_config.min_ch": 64,
    "dec_adain_layers": "[0, 1]",
    "discriminator_config.c": 16,
    "dis_ganLoss_weight": 0,
    "gen_ganLoss_weight": 0,
    "gen_reconLoss_weight": 0,
    "perceptual_weight": 3,
    "lr_G": 0.001,
    "lr_D": 0.0002,
    "warmup_steps": 200,
    "clip_grad_norm": 20,
    "precision": "auto",
}
PARTS = COMMON | {"method": "capture_parts", "patch_size": 1, "networks.c": 16, "networks.min_ch": 64}
PAINTED = PARTS | {"start_from": "layout", "perceptual_weight": 3}
GAN = {"dis_ganLoss_weight": 1, "gen_ganLoss_weight": 1}
VARIANTS: dict[str, dict[str, object]] = {
    "base": SUPERVISED,
    "rows of the pose in the attention": SUPERVISED | {"attention_rows": "pose"},
    "no attention": SUPERVISED | {"dec_attn_layers": "[-1]"},
    "attention at two sizes": SUPERVISED | {"dec_attn_layers": "[0, 1]"},
    "reverse branch from a = 0": SUPERVISED | {"alpha_init": 0},
    "no perceptual loss": SUPERVISED | {"perceptual_weight": 0},
    "perceptual loss 10": SUPERVISED | {"perceptual_weight": 10},
    "perceptual loss 40, target 4": SUPERVISED | {"perceptual_weight": 40, "target_weight": 4},
    "BCE GAN": SUPERVISED | GAN,
    "BCE GAN at 0.1": SUPERVISED | GAN | {"gen_ganLoss_weight": 0.1},
    "hinge GAN": SUPERVISED | GAN | {"ganLoss_type": "hinge"},
    "reconstruction 4": SUPERVISED | {"gen_reconLoss_weight": 4},
    "losses as released": SUPERVISED | GAN | {"target_weight": 0, "perceptual_weight": 0, "gen_reconLoss_weight": 15},
    "rate falling over the last half": SUPERVISED | {"decay_epochs": "half"},
    "batch 8": SUPERVISED | {"batch_size": 8},
    "batch 2": SUPERVISED | {"batch_size": 2},
    "new renders for every sample": SUPERVISED | {"share_renders": "false"},
    "with rendered characters": SUPERVISED
    | {"dataset_path": "toon + toon + toon + data/quaternius"},  # prepare.py mixamo
    "base, seed 1": SUPERVISED | {"seed": 1},
    "base, seed 2": SUPERVISED | {"seed": 2},
    "layout": PARTS | {"stage": "layout"},
    "parts": PAINTED,
    "parts, attention not taught": PAINTED | {"attention_weight": 0},
    "parts, layout learns along": PAINTED | {"stage": "joint"},
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


def title(name: str) -> str:
    """The name of a variant's folder."""
    return "_".join(re.findall(r"[\w.-]+", name))


def options(name: str, args: argparse.Namespace) -> list[str]:
    """The command line of a variant."""
    epochs = args.samples // PER_EPOCH
    keys: dict[str, object] = {
        "dataset_path": args.dataset_path,
        "samples_per_epoch": PER_EPOCH,
        "num_epochs": epochs,
        "num_workers": 0,
        "result_path": args.out,
        "result_title": title(name),
        "validation_pairs": 0,
        "sample_rows": 8,
        "ema_decay": 0.995,
    }
    keys |= {key: epochs // 2 if value == "half" else value for key, value in VARIANTS[name].items()}
    if "start_from" in keys:
        keys["start_from"] = args.out / title(str(keys["start_from"]))
    return [part for key, value in keys.items() for part in (f"--{key}", str(value))]


def in_order(names: Sequence[str]) -> list[str]:
    """The variants to train, each after the one that it starts from."""
    before = [str(VARIANTS[name]["start_from"]) for name in names if "start_from" in VARIANTS[name]]
    return list(dict.fromkeys([*before, *names]))


def train(name: str, args: argparse.Namespace) -> Path:
    """Run a variant to its end; its folder."""
    print(f"\n{name}", flush=True)
    subprocess.run([sys.executable, "train.py", *options(name, args)], cwd=ROOT, check=True)
    return args.out / title(name)


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
        folders = {name: train(name, args) for name in in_order(names)}
        results = [str(folders[name]) for name in names if VARIANTS[name].get("stage") != "layout"]  # it paints nothing
        where = ("--pairs", str(args.pairs), "--out", str(args.out / "evaluation"))  # where its tables go
        subprocess.run([sys.executable, "evaluate.py", *results, *where], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as error:
        raise CaptureError(f"{' '.join(map(str, error.cmd[1:3]))} ended with status {error.returncode}") from None


if __name__ == "__main__":
    command_line(main)()
