"""The workflow and the Dockerfile: what they name exists, and what they pin agrees with the rest of the project."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOW_KEYS = {"name", "on", "permissions", "jobs", "env", "defaults", "concurrency"}
JOB_KEYS = {"name", "needs", "if", "runs-on", "strategy", "env", "defaults", "steps", "timeout-minutes", "permissions"}
STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory", "timeout-minutes"}
CHECKOUT = "export"  # where the workflow unpacks what git has, beside the checkout


def load(path) -> dict[Any, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    workflow = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in workflow.items()}


def steps() -> list[dict[str, Any]]:
    return [step for path in WORKFLOWS for job in load(path)["jobs"].values() for step in job["steps"]]


def commands() -> list[str]:
    return [step["run"] for step in steps() if "run" in step]


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction of the Dockerfile."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]  # type: ignore[misc]


def copied() -> list[str]:
    """The files and folders that the image is built from."""
    return [name for kind, given in instructions() if kind == "COPY" for name in shlex.split(given)[:-1]]


class TestWorkflow:
    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
    def test_the_workflow_has_the_keys_that_github_knows(self, path):
        workflow = load(path)
        assert {"name", "on", "jobs"} <= set(workflow) <= WORKFLOW_KEYS
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            assert {"runs-on", "steps"} <= set(job) <= JOB_KEYS
            for step in job["steps"]:
                assert set(step) <= STEP_KEYS and ("uses" in step) != ("run" in step)

    def test_actions_are_pinned_to_a_version(self):
        used = [step["uses"] for step in steps() if "uses" in step]
        assert used and all(re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+(\.\d+)*", name) for name in used)

    def test_expressions_name_keys_of_the_matrix(self):
        for path in WORKFLOWS:
            for job in load(path)["jobs"].values():
                matrix = job.get("strategy", {}).get("matrix", {})
                assert set(re.findall(r"matrix\.([\w-]+)", str(job))) == set(matrix)

    def test_targets_are_in_the_makefile(self):
        makefile = (ROOT / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        called = {target for command in commands() for target in re.findall(r"\bmake ([a-z-]+)", command)}
        assert {"test", "docs"} <= called <= targets

    def test_files_that_commands_name_are_in_the_repository(self):
        words = {word.removeprefix(f"{CHECKOUT}/") for command in commands() for word in command.split()}
        named = {word for word in words if re.match(r"(examples|tests|result)/|[\w-]+\.(py|txt)$", word)}
        assert len(named) > 8
        assert [name for name in sorted(named) if not (ROOT / name).exists()] == []

    def test_pythons_are_those_of_the_package(self):
        classifiers = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
        linux = load(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["linux"]
        assert linux["strategy"]["matrix"]["python"] == classifiers


class TestDockerfile:
    def test_what_is_copied_exists_and_is_not_left_out(self):
        ignored = (ROOT / ".dockerignore").read_text().split()
        assert len(copied()) > 6
        for name in copied():
            assert (ROOT / name).exists()
            left_out = False
            for pattern in ignored:  # the last one that matches counts
                parts = [name[: i or None] for i in (*(m.start() for m in re.finditer("/", name)), 0)]
                if any(fnmatch(part, pattern.lstrip("!")) for part in parts):
                    left_out = not pattern.startswith("!")
            assert not left_out, name

    def test_what_the_wheel_is_built_from_is_copied(self):
        pyproject = (ROOT / "pyproject.toml").read_text()
        forced = re.findall(r'^"([\w./]+)" = "capture/', pyproject, re.MULTILINE)
        needed = ["capture", "README.md", "LICENSE", *forced]
        assert len(forced) >= 5
        assert [name for name in needed if not any(f"{name}/".startswith(f"{one}/") for one in copied())] == []

    def test_torch_is_the_one_that_is_tested(self):
        pinned = set(re.findall(r'"(torch(?:vision)?==[\d.]+)"', (ROOT / "Dockerfile").read_text()))
        assert pinned <= set((ROOT / "requirements.txt").read_text().split()) and len(pinned) == 2

    def test_the_page_is_served_by_a_user_without_privileges_on_the_port_that_is_exposed(self):
        given = dict(instructions())
        names = [name for name, _ in instructions()]
        assert given["USER"] != "root" and names.index("USER") < names.index("CMD")
        words = yaml.safe_load(given["CMD"])
        assert words[:2] == ["capture", "app"] and words[words.index("--port") + 1] == given["EXPOSE"]
        from capture.cli.app import build_parser

        args = build_parser().parse_args(words[2:])
        assert args.host == "0.0.0.0" and str(args.port) == given["EXPOSE"]
