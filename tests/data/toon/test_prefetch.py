"""Render groups that processes render ahead of their use."""

from __future__ import annotations

import os
import signal
from itertools import islice

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data.loading import make_loader
from capture.data.sampling import EndlessBatches
from capture.data.toon.dataset import ToonStream
from capture.data.toon.prefetch import RenderPrefetcher
from capture.data.toon.render_groups import GROUPS_PER_BLOCK
from capture.data.toon.rendering.render import render


def _numbered(number: int) -> dict[str, torch.Tensor]:
    return {"drawn": torch.tensor([number, os.getpid()])}


class TestRenderPrefetcher:
    def test_every_group_is_rendered_once(self):
        """Two processes share the work; what has gone by, and what is far ahead, is drawn again or at once."""
        prefetcher = RenderPrefetcher(_numbered, 2, kept=8)
        order = [2, 0, 3, 1, 5, 7, 4, 6, 9, 8, 11, 10]  # blocks of kept / 2, each shuffled
        found = {number: prefetcher(number)["drawn"].tolist() for number in order}
        assert [number for number, _ in found.values()] == order
        assert len({process for _, process in found.values()} - {os.getpid()}) == 2
        kept = list(prefetcher._rendered)
        assert kept == list(range(4, 12))  # each came once, in the order of its number
        for number in (1, 1003, 2):
            assert prefetcher(number)["drawn"][0] == number
        assert list(prefetcher._rendered) == [0, 1, 2]

    def test_processes_of_a_loader_render_no_group_twice(self, monkeypatch, tmp_path):
        """Samples are the same from no process, one and two; a group's pictures are drawn in one of them."""

        def noting(shots, *args):
            with open(tmp_path / "drawn.txt", "a") as file:
                file.write(f"{shots[0].character_seed} {shots[0].clip_style_seed}\n")
            return render(shots, *args)

        monkeypatch.setattr("capture.data.toon.dataset.render", noting)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        batches = []
        for processes in (0, 1, 2):
            stream = ToonStream(16, 2**62, seed=1, share_renders=True, uv=True)
            loader = make_loader(stream, EndlessBatches(8, 3), processes, torch.device("cpu"), progress=False)
            batches.append(list(islice(loader, 6)))
            assert (stream._prefetcher is not None) == (processes > 0)
            del loader, stream
            drawn = (tmp_path / "drawn.txt").read_text().split("\n")[:-1]
            assert len(set(drawn)) == len(drawn) >= GROUPS_PER_BLOCK / 2
            (tmp_path / "drawn.txt").unlink()
        for other in batches[1:]:
            assert all(torch.equal(a[name], b[name]) for a, b in zip(batches[0], other) for name in a)

    def test_killed_process_is_one_line(self):
        prefetcher = RenderPrefetcher(_dying, 1, kept=8)
        with pytest.raises(CaptureError, match="one of the 1 loader processes was killed"):
            [prefetcher(number) for number in range(8)]


def _dying(number: int) -> dict[str, torch.Tensor]:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return _numbered(number)
