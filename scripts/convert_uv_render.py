"""DensePose IUV pictures -> SMPL coordinates, with the command line and folders of coordinate inpainting's release.

python scripts/convert_uv_render.py --iuv_dir data/samples/source_iuv --out_dir data/samples/source_uv \
    --sample_id ID --mapping_file data/smpltexmap.npy

`<iuv_dir>/<id>_IUV.png` becomes `<out_dir>/<id>.npy`. Beyond the release: several ids at once, or all of the folder
where --sample_id is left out; the folder to write is created. `prepare.py uv` converts other layouts too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from capture.common.errors import CaptureError, Parser, command_line  # noqa: E402
from capture.data.iuv.densepose import prepare_uv  # noqa: E402


def build_parser() -> Parser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iuv_dir", type=Path, default=Path("data/samples/source_iuv"), help="folder of <id>_IUV.png")
    parser.add_argument(
        "--out_dir", type=Path, default=Path("data/samples/source_uv"), help="folder of <id>.npy to write"
    )
    parser.add_argument("--sample_id", nargs="*", default=None, help="ids to convert (default: all of the folder)")
    parser.add_argument("--mapping_file", type=Path, default=Path("data/smpltexmap.npy"), help="the authors' table")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    if args.sample_id is None:
        count = prepare_uv(args.iuv_dir, args.out_dir, args.mapping_file, "densepose")
    else:
        paths = [args.iuv_dir / f"{name}_IUV.png" for name in args.sample_id]
        for path in paths:
            if not path.is_file():
                raise CaptureError(f"{path}: no such file; --sample_id is its name without _IUV.png")
        count = sum(prepare_uv(path, args.out_dir, args.mapping_file, "densepose") for path in paths)
    print(f"{args.out_dir}: {count} maps")


if __name__ == "__main__":
    command_line(main)()
