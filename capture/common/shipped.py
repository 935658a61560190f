"""Files that come with the package: inside it where it is installed, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
WEIGHTS, CONFIGS = "weights", "configs"  # folders of an installed package, which pyproject.toml fills
DEFAULT_WEIGHTS = "Toon"


def find_result(source: str | Path) -> Path:
    """A result as a user names it: a path that exists, or weights that come with the package.

    "Toon" and "result/Toon" mean the weights in the box, whatever the working directory is; a file or a folder of that
    name comes first.
    """
    path = Path(source)
    if path.exists() or path.parent not in (Path("."), Path("result")):
        return path
    return next((folder for folder in _places(WEIGHTS, "result", path.name) if folder.is_dir()), path)


def find_config(source: str | Path) -> Path:
    """A configuration as a user names it: a path that exists, or defaults.yaml and configs/NAME.yaml of the package."""
    path = Path(source)
    if path.exists() or path.parent not in (Path("."), Path("configs")):
        return path
    beside = "." if path.parent == Path(".") else "configs"
    return next((file for file in _places(CONFIGS, beside, path.name) if file.is_file()), path)


def suite_files() -> dict[str, Path]:
    """The suites that come with the package (configs/suites/NAME.yaml), by name."""
    folders = [folder for folder in _places(CONFIGS, "configs", "suites") if folder.is_dir()]
    return {file.stem: file for folder in reversed(folders) for file in sorted(folder.glob("*.yaml"))}


def _places(inside: str, beside: str, name: str) -> list[Path]:
    """Where `name` is in an installed package, and in a checkout, whose mark is its pyproject.toml."""
    checkout = PACKAGE.parent
    places = [PACKAGE / inside / name]
    return [*places, checkout / beside / name] if (checkout / "pyproject.toml").is_file() else places
