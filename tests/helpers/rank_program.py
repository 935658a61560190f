"""Run by the processes of a job in test_processes.py: train some steps and tell how far the processes are apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from capture.checkpoints.checkpoint import latest_path
from capture.data.open_data import open_data
from capture.methods.build import batch_keys
from capture.training.trainer import Trainer
from tests.conftest import tiny_config

EARLY = 3  # steps after which a checkpoint is kept


def main(tree: str, folder: str, steps: int, *argv: str) -> None:
    torch.set_num_threads(1)
    config = tiny_config("--dataset_path", tree, "--batch_size", "4", *argv)
    trainer = Trainer(config, open_data(config, batch_keys(config)), Path(folder))
    trainer.run_steps(min(EARLY, steps))
    trainer.save(latest_path(Path(folder) / "early"))
    trainer.run_steps(max(steps - EARLY, 0))

    drift = {}
    for name, network in {**trainer.networks, "ema": trainer.ema.average}.items():
        weights = torch.cat([p.detach().flatten() for p in network.parameters()])
        gathered = [torch.empty_like(weights) for _ in range(trainer.processes.world)]
        dist.all_gather(gathered, weights)
        drift[name] = max((other - weights).abs().max().item() for other in gathered)
    if trainer.processes.main:
        print(json.dumps({"drift": drift, "world": trainer.processes.world}))
    trainer.save(latest_path(Path(folder)))
    trainer.processes.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
