"""Train CaPTURe on a dataset: result/<result_title>/ gets the configuration, checkpoints, pictures and metrics.

    python train.py defaults.yaml --result_title Fashion
    python train.py defaults.yaml --dataset_path Mixamo_dataset --result_title Mixamo
    python train.py configs/demo.yaml --result_title demo --batch_size 8
    python train.py --adapt result/Toon --pictures my_character/ --result_title Mine

The last one adapts trained weights to one character or one style, in some minutes, from pictures alone.

Overlays come after one another, each holding differences from defaults.yaml only; any key of it can be set as
--key value. Ctrl-C saves; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from itertools import takewhile
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as
from capture.common.shipped import find_config, find_result

logger = logging.getLogger("capture")

PROGRAM = "train.py"
NAMES = {"gen": "generator", "disc": "discriminator"}


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        usage=f"{started_as(PROGRAM)} [CONFIG.yaml ... | --adapt RESULT --pictures PATH] [--key value ...] [--dry-run]",
        description=described(__doc__, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--dry-run", "--dry_run", action="store_true", help="show what would be trained on what, and train nothing"
    )
    parser.add_argument("--adapt", metavar="RESULT", help="a result whose weights adapt to --pictures")
    parser.add_argument("--pictures", type=Path, help="... a picture of a character, or a folder of them")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> int:
    paths = list(takewhile(lambda argument: not argument.startswith("-"), sys.argv[1:]))
    args, overrides = build_parser().parse_known_args(sys.argv[1 + len(paths) :])

    from capture.config.load import ignored_keys, load_config, result_folder

    if (args.adapt is None) != (args.pictures is None) or (args.adapt and paths):
        raise CaptureError("to adapt weights, give --adapt RESULT and --pictures PATH, and no configuration file")
    if args.adapt:
        from capture.training.adaptation import adaptation_config

        config = adaptation_config(find_result(args.adapt), args.pictures, overrides)
    else:
        config = load_config([find_config(path) for path in paths], overrides)
    folder = result_folder(config)

    from tqdm.contrib.logging import logging_redirect_tqdm

    from capture.common.folder_lock import folder_lock
    from capture.common.threads import choose_threads
    from capture.config.yaml import dump_yaml
    from capture.data.open_data import open_data
    from capture.methods.build import batch_keys, check_samples, new_method
    from capture.training.trainer import Trainer  # after the cheap checks: importing torch takes seconds

    first_of_job = os.environ.get("RANK", "0") == "0"  # torchrun starts several of this program; one talks
    logger.setLevel(logging.INFO if first_of_job else logging.WARNING)
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(console)
    for key in ignored_keys(config):
        logger.info(f"note: {key} is ignored: method {config['main_config']['method']} does not read it")

    if line := choose_threads():
        logger.info(line)

    if config["main_config"]["adapt_to"]:
        from capture.training.adaptation import open_adaptation_data

        data = open_adaptation_data(config)
    else:
        data = open_data(config, batch_keys(config))
    first = data.train[0]
    check_samples(config, (data.train[i] for i in range(data.kinds)))
    if args.dry_run:
        introduce(new_method(config), data)
        batch_size = config["dataset_config"]["batch_size"]
        print(dump_yaml(config), end="")
        for name, value in first.items():
            print(f"batch {name}: {(batch_size, *value.shape)} {str(value.dtype).removeprefix('torch.')}")
        print(f"would write to {folder}")
        return 0
    with folder_lock(folder, "choose another --result_title", first_of_job), logging_redirect_tqdm(loggers=[logger]):
        trainer = Trainer(config, data, folder)
        introduce(trainer.method, data)
        finished = trainer.train()
    return trainer.processes.leave(0 if finished else 130)


def introduce(method, data) -> None:
    """Say what learns from what."""
    logger.info(data.description)
    sizes = (f"{NAMES.get(name, name)} {_size(network)} parameters" for name, network in method.networks.items())
    logger.info(f"{method.title}: {', '.join(sizes)}")


def _size(network) -> str:
    count = sum(p.numel() for p in network.parameters())
    return f"{count / 1e6:.1f} M" if count >= 10**5 else f"{count:,}"


if __name__ == "__main__":
    command_line(main)()
