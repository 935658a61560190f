"""Results for people: what is remembered from one of them to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from capture.inference import presentation
from capture.inference.character import make_character
from capture.inference.framing import KNOWN
from capture.inference.inputs import Notes
from capture.inference.presentation import Presentation, present
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from tests.conftest import tiny_config


class Forgetful:
    """A keeper that puts no heads in and counts how often it is told to forget."""

    def __init__(self):
        self.forgotten = 0

    def __call__(self, layers, ground, direction):
        return layers, None

    def forget(self):
        self.forgotten += 1


class TestMemory:
    @pytest.mark.parametrize(("video", "starts", "expected"), [(False, (), 4), (True, (), 0), (True, (0, 2), 2)])
    def test_only_frames_of_one_sequence_remember_the_frame_before(self, monkeypatch, video, starts, expected):
        keeper = Forgetful()
        monkeypatch.setattr(presentation, "_head_keeper", lambda *_: keeper)
        config = tiny_config("--method", "capture_parts", "--dataset_path", "toon")
        torch.manual_seed(0)
        transfer = PoseTransfer(build_generator(config), config, torch.device("cpu"))
        size = transfer.size
        hero = Image.new("RGB", (size, size), (90, 60, 30))
        character = make_character([(Path("a"), hero)], size, KNOWN["toon"], 1, Notes(lambda line: None), size)
        poses = torch.randint(0, 256, (4, 3, size, size), generator=torch.Generator().manual_seed(0)).byte()
        shown = list(present(transfer, [character], poses, Presentation(size), video=video, starts=starts))
        assert len(shown) == 4 and keeper.forgotten == expected
