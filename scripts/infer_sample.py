"""Render samples with coordinate inpainting's released weights, with its command line and folders.

python scripts/infer_sample.py --source_sample ID --target_sample ID --samples_root data/samples \
    --checkpoint_path data/checkpoint --out_dir data/results --device cuda:0

Reads <samples_root>/source_img/<id>.jpg, source_uv/<id>.npy and target_uv/<id>.npy, and the weights inpainter.pth and
refiner.pth; writes <out_dir>/<source>_to_<target>.png. Beyond the release: several ids at once, or all of the folder
where an option is left out, each source in each target's pose.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch  # noqa: E402

from capture.common.device import pick_device  # noqa: E402
from capture.common.errors import CaptureError, Parser, command_line  # noqa: E402
from capture.common.files import atomic_file  # noqa: E402
from capture.io.images import image_to_tensor, normalise, open_rgb, png_bytes  # noqa: E402
from capture.io.uv_maps import read_uv_map  # noqa: E402
from capture.methods.coord_inpainting.generator import CoordinateInpainting  # noqa: E402
from capture.methods.coord_inpainting.published import load_release  # noqa: E402

PICTURES = (".jpg", ".jpeg", ".png")


def build_parser() -> Parser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source_sample", nargs="+", default=None, help="ids of identities (default: all)")
    parser.add_argument("--target_sample", nargs="+", default=None, help="ids of poses (default: all)")
    parser.add_argument("--samples_root", type=Path, default=Path("data/samples"))
    parser.add_argument("--checkpoint_path", type=Path, default=Path("data/checkpoint"), help="folder of both weights")
    parser.add_argument("--out_dir", type=Path, default=Path("data/results"))
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:0")
    parser.add_argument("--align_corners", action="store_true", help="sample grids as torch did before 1.3")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def ids_in(folder: Path, suffixes: tuple[str, ...], chosen: list[str] | None) -> dict[str, Path]:
    """Id -> file, of the chosen ids or all."""
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; --samples_root holds source_img, source_uv and target_uv")
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes}
    if chosen is None and not found:
        raise CaptureError(f"{folder}: no sample in it ({', '.join(suffixes)})")
    for name in chosen or ():
        if name not in found:
            raise CaptureError(f"{folder / name}: no such sample ({', '.join(suffixes)})")
    return found if chosen is None else {name: found[name] for name in chosen}


def read_map(path: Path, size: int) -> torch.Tensor:
    """(1, 2, S, S) float32."""
    values = read_uv_map(path)
    if values.shape != (size, size, 2):
        raise CaptureError(f"{path}: {values.shape[1]}x{values.shape[0]}, and the pictures are {size}x{size}")
    return torch.from_numpy(values).permute(2, 0, 1)[None]


@torch.no_grad()
def main() -> None:
    args = build_parser().parse_args()
    root, device = args.samples_root, pick_device(args.device)
    sources = ids_in(root / "source_img", PICTURES, args.source_sample)
    maps = ids_in(root / "source_uv", (".npy",), list(sources))
    targets = ids_in(root / "target_uv", (".npy",), args.target_sample)
    generator: CoordinateInpainting | None = None
    size = 0
    for source, path in sources.items():
        picture = image_to_tensor(open_rgb(path))  # (3, H, W)
        if generator is None:
            size = picture.shape[-1]
            generator = load_release(args.checkpoint_path, size, args.align_corners).to(device)
        if picture.shape[-2:] != (size, size):
            raise CaptureError(
                f"{path}: {picture.shape[2]}x{picture.shape[1]}, not {size}x{size}; samples are squares of one size"
            )
        inputs = {
            "identity": normalise(picture[None]).to(device),
            "identity_uv": read_map(maps[source], size).to(device),
        }
        identity = generator.encode_identity(inputs, torch.zeros(1, 0))
        for target, map_path in targets.items():
            pose = {generator.options["drive"]: read_map(map_path, size).to(device)}
            refined = (generator.decode(identity, pose, torch.zeros(1, 2, 0)) + 1) / 2  # (1, 3, S, S) in [0, 1]
            cut = (refined[0] * 255).to(torch.uint8).cpu()  # truncated, as the release does
            with atomic_file(args.out_dir / f"{source}_to_{target}.png") as file:
                file.write(png_bytes(cut))
    print(f"{args.out_dir}: {len(sources) * len(targets)} pictures")


if __name__ == "__main__":
    command_line(main)()
