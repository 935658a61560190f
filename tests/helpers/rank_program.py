"""Run by torchrun in test_processes.py: train some steps and tell how far the processes have drifted apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from capture.checkpoints.checkpoint import latest_path
from capture.data.open_data import open_data
from capture.training.trainer import Trainer
from tests.conftest import tiny_config

EARLY = 3  # steps after which a checkpoint is kept


def main(tree: str, folder: str, steps: int, *argv: str) -> None:
    torch.set_num_threads(1)
    config = tiny_config("--dataset_path", tree, "--batch_size", "4", *argv)
    trainer = Trainer(config, open_data(config), Path(folder))
    trainer.run_steps(min(EARLY, steps))
    if steps >= EARLY:
        trainer.save(latest_path(Path(folder) / "early"))
    trainer.run_steps(max(steps - EARLY, 0))

    drift = {}
    weights = {**trainer.networks, "ema": trainer.ema.average}
    for name, network in weights.items():
        mine = torch.cat([p.detach().flatten() for p in network.parameters()])
        theirs = [torch.empty_like(mine) for _ in range(trainer.processes.world)]
        dist.all_gather(theirs, mine)
        drift[name] = max((other - mine).abs().max().item() for other in theirs)
    if trainer.processes.main:
        print(json.dumps({"drift": drift, "world": trainer.processes.world}))
    trainer.save(latest_path(folder))
    trainer.processes.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
