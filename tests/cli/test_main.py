"""The console command `capture`, which runs the programs."""

import sys

import pytest

import capture
from capture.cli.main import main, usage
from capture.common.programs import PROGRAMS, described, main_of, started_as


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `capture ARGUMENTS` in this process: (exit status, stdout, stderr)."""

    def run(*argv) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["capture", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            main()
        return (stop.value.code or 0, *capsys.readouterr())

    return run


class TestConsoleCommand:
    def test_help_lists_every_program(self, command):
        status, out, _ = command("--help")
        assert status == 0 and out.strip() == usage()
        assert {"train", "render", "evaluate", "prepare", "app", "benchmark"} == set(PROGRAMS)
        assert all(f"  {name} " in out for name in PROGRAMS)

    def test_version(self, command):
        assert command("--version") == (0, f"capture {capture.__version__}\n", "")

    def test_an_unknown_program_is_refused_in_one_line(self, command):
        status, _, err = command("paint")
        assert status == 2 and err.startswith("error: paint: no such program; there are render, train")

    def test_programs_know_how_they_were_started(self, command):
        status, out, _ = command("render", "--help")
        assert status == 0 and out.startswith("usage: capture render [-h]")
        assert "capture render result/Fashion --iden_path A.png" in out and "python save_result.py" not in out

    def test_the_arguments_reach_the_program(self, command, mixamo_tree):
        status, out, _ = command("prepare", "check", mixamo_tree, "--workers", "1")
        assert status in (0, 1) and "character" in out

    def test_errors_of_a_program_are_one_line(self, command):
        status, _, err = command("render", "nothing", "--iden_path", "a", "--pose_path", "b", "--save_dir", "c")
        assert status == 2 and err.startswith("error: nothing: no such result folder") and err.count("\n") == 1


class TestNames:
    def test_a_program_in_a_checkout_has_the_name_of_its_file(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["save_result.py"])
        assert started_as("save_result.py") == "save_result.py"
        assert described("python save_result.py X", "save_result.py") == "python save_result.py X"

    @pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "app"])
    def test_every_program_has_a_main(self, name):
        assert callable(main_of(name))
