"""python -m capture.config: write defaults.yaml and configs/<method>.yaml from the declarations of the keys."""

from __future__ import annotations

from capture.common.errors import command_line
from capture.common.files import write_bytes
from capture.config.generate import ROOT, generated_files


def main() -> int:
    for path, text in generated_files().items():
        write_bytes(ROOT / path, text.encode())
        print(path)
    return 0


if __name__ == "__main__":
    command_line(main)()
