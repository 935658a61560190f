"""Hostile files: everything that once went wrong, attacks written by hand, and a few fresh mutations."""

from __future__ import annotations

FRESH = 12  # of the kinds that are drawn most often; `python -m tests.reliability.hostile` tries thousands of all
SECONDS = 1200  # beside other programs


class TestHostileFiles:
    def test_every_run_ends_in_success_or_one_line(self, programs, tmp_path):
        """In a process of its own, which forks: this one may have threads."""
        options = ("--kept", "--count", FRESH, "--keep", tmp_path)
        done = programs.run("tests/reliability/hostile/__main__.py", *options, kill_after=SECONDS)
        why = "\n\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(tmp_path.glob("*.txt"))[:5])
        assert done.status == 0, f"{done.out}\n{done.err[-1500:]}\n{why}"
        assert "\n0 violations" in done.out
