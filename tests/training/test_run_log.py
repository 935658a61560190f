"""Logs that neither grow without end nor break."""

from __future__ import annotations

import json
import logging
import os

import pytest

from capture.common.errors import CaptureError
from capture.common.files import append_line
from capture.training import run_log
from capture.training.run_log import RunLog, read_metrics
from tests.helpers.small_disk import mounted

logger = logging.getLogger("capture")


@pytest.fixture(autouse=True)
def info():
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


class TestRunLog:
    def test_the_log_file_rotates(self, tmp_path, monkeypatch):
        monkeypatch.setattr(run_log, "LOG_BYTES", 2_000)
        log = RunLog(tmp_path)
        for i in range(400):
            logger.info(f"line {i}")
        log.close()
        logs = sorted(path.name for path in tmp_path.glob("log.txt*"))
        assert logs == ["log.txt", *(f"log.txt.{i}" for i in range(1, run_log.LOGS_KEPT + 1))]
        assert all(path.stat().st_size <= 2_000 for path in tmp_path.glob("log.txt*"))
        assert "line 399" in (tmp_path / "log.txt").read_text()

    def test_a_log_on_a_full_disk_is_one_error(self, tmp_path):
        with mounted(tmp_path / "disk", 1) as disk:
            log = RunLog(disk.path / "run")
            disk.fill(leave=0)
            with pytest.raises(CaptureError, match=r"log.txt: can't be written \(No space left on device\)"):
                for _ in range(2_000):
                    logger.info("x" * 80)
            disk.make_room()
            log.close()

    def test_a_row_of_metrics_is_appended_whole_or_not_at_all(self, tmp_path):
        with mounted(tmp_path / "disk", 1) as disk:
            path = disk.path / "metrics.jsonl"
            append_line(path, json.dumps({"step": 1}))
            disk.fill(leave=0)  # what is left of the file's last page still takes something
            with pytest.raises(CaptureError, match=r"metrics.jsonl: can't be written \(No space left on device\)"):
                append_line(path, json.dumps({"step": 2, "more": "x" * 3 * os.sysconf("SC_PAGE_SIZE")}))
            assert path.read_text() == '{"step": 1}\n'
            disk.make_room()
            append_line(path, json.dumps({"step": 3}))
            assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 3]

    def test_rows_of_metrics_past_the_checkpoint_and_half_lines_are_dropped(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_text('{"step": 3}\n{"step": 6}\n{"step": 9}\n{"ste')
        RunLog(tmp_path, step=6).close()
        assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 3}\n{"step": 6}\n'
        assert [row["step"] for row in read_metrics(tmp_path)] == [3, 6]
