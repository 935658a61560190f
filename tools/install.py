"""Install packages into the environment of the Python that runs this file, by uv, which takes a third of pip's time.

    .venv/bin/python tools/install.py -r requirements.txt -r requirements-dev.txt

uv does not read pip's settings, so they are translated. pip installs where uv cannot be installed, where pip has a
setting that is not translated, and where uv fails. Only the standard library is imported: nothing is installed yet.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import subprocess
import sys
from pathlib import Path

UV = "uv==0.13.9"
PIP = (sys.executable, "-m", "pip")
# `install` of pip: --no-compile, because Python compiles the modules that it imports, and pip would compile all of them
PIP_INSTALL = (*PIP, "install", "--quiet", "--disable-pip-version-check", "--no-compile")

OPTIONS = {  # setting of pip -> option of uv; a setting with several values is an option for each of them
    "find-links": "--find-links",
    "constraint": "--constraints",
    "trusted-host": "--allow-insecure-host",
}
FLAGS = {"no-index": "--no-index", "no-cache-dir": "--no-cache"}
VARIABLES = {  # setting of pip -> environment variable; other users see options, and addresses may hold a password
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}
WITHOUT_EFFECT = set(  # on which packages are installed
    [
        "break-system-packages",
        "cache-dir",
        "compile",
        "config-file",
        "default-timeout",
        "disable-pip-version-check",
        "no-color",
        "no-compile",
        "no-input",
        "no-python-version-warning",
        "no-warn-script-location",
        "progress-bar",
        "quiet",
        "require-virtualenv",
        "retries",
        "root-user-action",
        "verbose",
    ]
)


def read_settings(listing: str) -> dict[str, str]:
    """pip's settings, from what `pip config list` prints: lines as `global.index-url='https://...'`.

    Those of the command `install` come before those of all commands, and environment variables before both.
    """
    ranks = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        name, equals, value = line.partition("=")
        section, dot, key = name.rpartition(".")
        if equals and dot and section in ranks and ranks[section] >= found.get(key, (0, ""))[0]:
            found[key] = (ranks[section], str(ast.literal_eval(value)))
    return {key: value for key, (_, value) in found.items()}


def translate(settings: dict[str, str]) -> tuple[list[str], dict[str, str]] | None:
    """Options and environment variables of uv for these settings of pip, or None where one has no counterpart."""
    arguments, variables = ["--index-strategy", "unsafe-best-match"], {}  # pip takes the best version of all indexes
    for key, value in settings.items():
        if key in OPTIONS:
            arguments += [word for one in value.split() for word in (OPTIONS[key], one)]
        elif key in FLAGS:
            arguments += [FLAGS[key]] if value.lower() in ("1", "true", "yes", "on") else []
        elif key in VARIABLES:
            variables[VARIABLES[key]] = " ".join(value.split())
        elif key == "timeout":
            variables["UV_HTTP_TIMEOUT"] = str(math.ceil(float(value)))
        elif key == "proxy":
            variables |= {"HTTP_PROXY": value, "HTTPS_PROXY": value}
        elif key not in WITHOUT_EFFECT:
            return None
    return arguments, variables


def find_uv() -> str | None:
    """The program uv in this environment, which pip installs where it is missing; None where that is not possible."""
    program = Path(sys.executable).with_name("uv")
    if not program.exists():
        subprocess.run([*PIP_INSTALL, UV], capture_output=True)
    return str(program) if program.exists() else None


def install(requirements: list[str], uv: str | None = None) -> int:
    """Install what these files of requirements name. Returns the exit status of the program that did it last."""
    files = [word for name in requirements for word in ("-r", name)]
    listing = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True).stdout
    translated = translate(read_settings(listing))
    program = (uv or find_uv()) if translated else None
    if translated and program:
        arguments, variables = translated
        quiet = [] if sys.stderr.isatty() else ["--quiet"]  # in a terminal uv shows bars, elsewhere a line a package
        command = [program, "pip", "install", *quiet, "--python", sys.executable, *arguments, *files]
        if not subprocess.run(command, env={**os.environ, **variables}).returncode:
            return 0
        print("uv could not install the packages; pip tries now", file=sys.stderr)
    return subprocess.run([*PIP_INSTALL, *files]).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "-r", "--requirements", action="append", required=True, metavar="FILE", help="as pip's; repeat it"
    )
    parser.add_argument("--uv", metavar="PROGRAM", help="a uv that is there already (default: install one)")
    given = parser.parse_args()
    try:
        sys.exit(install(given.requirements, given.uv))
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
