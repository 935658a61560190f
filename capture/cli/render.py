"""Render identity images in the pose of pose images.

    python save_result.py result/Fashion --iden_path A.png --pose_path B.png --save_dir out

writes out/output.png and out/iden_pose_output.png (identity, pose and output as the network has them). Either path may
be a folder: every identity is then rendered in every pose, into out/<identity>__<pose>/. --pose_path may be a video or
an animated picture (GIF, APNG, WebP, AVIF): the character then does what it shows, in out/output.mp4 and
out/iden_pose_output.mp4. With --format mp4 (or another animation), a folder of frames is one video, too.

    python save_result.py result/Fashion --iden_path A.png --pose_path motion:walk --save_dir out --format gif
    python save_result.py result/Fashion --iden_path A.png --pose_path motion:walk --save_dir out --format sheet \\
        --directions 8

need no video: the motion is in the box (motion:list shows all). The second writes a sprite sheet, out/output.png, with
out/output.json, which importers for Aseprite's and TexturePacker's files read: one row for each of eight directions.

A good picture shows one whole figure on a plain or transparent ground. By default the figure is put on the ground and
scaled to the size that the weights know, and a line says what was done; --framing as_is uses pictures as they are.

    python save_result.py result/Toon --iden_path front.png back.png --pose_path B.png --save_dir out \\
        --background transparent

renders one character from two pictures, cut out. Methods that say where their pixels come from, such as that of
result/Toon, draw at the size of the first picture, up to 512 pixels; --resolution native draws larger ones as well.

    python save_result.py result/Fashion --export generator.safetensors

writes the generator alone, with its configuration inside; that file can stand where a result folder does. With
--export model.onnx it is written for ONNX Runtime, which renders with it: python save_result.py model.onnx ...
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from capture.cli.animation_options import (
    add_driver_options,
    add_format_options,
    camera_of,
    check_options,
    find_poses,
    list_motions,
    motion_of,
    render_animation,
)
from capture.cli.export import check_export, export, runnable
from capture.cli.map_options import add_predict_uv
from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as

PROGRAM = "save_result.py"
# options that only methods that read IUV maps use, and those that only the others use
FOR_MAPS = ("iden_uv", "target_uv", "predict_uv", "garment", "garment_uv", "parts")
FOR_PICTURES = (
    *("noise_scale", "keep_aspect", "format", "which", "attention", "relative", "pose_grid"),
    *("resolution", "background", "smooth", "pixel_art", "keep_head"),
)


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(__doc__, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "result", type=Path, help="a result folder (ours or the release's), or an exported .safetensors or .onnx"
    )
    parser.add_argument(
        "--iden_path",
        type=Path,
        nargs="+",
        help="picture of the character, or a folder of characters; several pictures are one character: each part of\n"
        "an output comes from the one that shows it best",
    )
    parser.add_argument(
        "--pose_path",
        type=Path,
        help="picture of the pose, a folder of them, a video or animated picture, motion:NAME (motion:list), webcam:N",
    )
    parser.add_argument("--save_dir", type=Path, help="folder to write to")
    parser.add_argument(
        "--iden_uv",
        type=Path,
        help="LWGAN, coordinate inpainting: map of --iden_path (default: uv/NAME.png beside it)",
    )
    parser.add_argument(
        "--target_uv",
        type=Path,
        help="... the map that drives, or a folder (default: uv/NAME.png beside --pose_path)",
    )
    add_predict_uv(parser, "... predict the maps of pictures that have none, by this result of CaPTURe-Parts")
    parser.add_argument("--garment", type=Path, help="coordinate inpainting: picture that --parts come from")
    parser.add_argument("--garment_uv", type=Path, help="... its map (default: uv/NAME.png beside it)")
    parser.add_argument("--parts", default="torso,legs", help="... which parts, such as torso,legs (default)")
    parser.add_argument(
        "--noise_scale",
        type=float,
        default=0.0,
        help="0 (default): same inputs, same picture; 1: as in training (some models learn to ignore it)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--keep_aspect", action="store_true", help="crop output.png to the pose image's shape again")
    add_driver_options(parser)
    add_format_options(parser)
    parser.add_argument(
        "--framing",
        choices=("auto", "as_is"),
        default="auto",
        help="auto (default): put figures on the ground and scale them to the size that the weights know",
    )
    parser.add_argument(
        "--resolution",
        default="auto",
        metavar="auto|native|network|N",
        help="side of output.png or of the video in pixels; auto (default): that of --iden_path, up to 512, with\n"
        "methods that can; native: the same, up to 2048; network: that of the weights",
    )
    parser.add_argument(
        "--background",
        default="auto",
        metavar="auto|keep|transparent|#rrggbb",
        help="what is behind the figure: auto (default), what the weights draw; keep: the colour behind --iden_path;\n"
        "transparent; or a colour",
    )
    parser.add_argument(
        "--pixel_art",
        choices=("auto", "on", "off"),
        default="auto",
        help="auto (default): what is drawn of pixel art is pixel art, of the same squares and colours; on: of every\n"
        "drawing",
    )
    parser.add_argument(
        "--keep_head",
        choices=("auto", "off"),
        default="auto",
        help="auto (default): keep the head, and limbs of pixel art, as they are drawn, where they fit; off",
    )
    parser.add_argument(
        "--smooth",
        choices=("auto", "on", "off"),
        default="auto",
        help="average motions over neighbouring frames against flicker: auto (default) does it in videos, where the\n"
        "method can and without --compile",
    )
    parser.add_argument("--which", type=int, default=1, help="of several figures in --iden_path: 1 is the largest")
    parser.add_argument(
        "--attention", action="store_true", help="also draw where reverse attention looks: attention.png"
    )
    parser.add_argument(
        "--relative", action="store_true", help="FOMM, MRAA: poses are a video's frames; move as it has since the first"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "auto"))
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile first: some minutes at the start, then faster (for large folders and videos)",
    )
    parser.add_argument("--batch_size", type=int, default=8, help="poses rendered at a time (default 8)")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the generator as .safetensors or .onnx")
    parser.add_argument("--half", action="store_true", help="export weights in float16, half the size")
    parser.add_argument(
        "--base", type=Path, metavar="RESULT", help="export only what differs from this result's generator.safetensors"
    )
    parser.add_argument("--int8", action="store_true", help="export weights to .onnx in 8 bits, a quarter of the size")
    parser.add_argument(
        "--runtime",
        choices=("torch", "onnx", "openvino"),
        help="what computes: torch (default); onnx: ONNX Runtime (default for .onnx; of a folder, its generator.onnx);"
        "\nopenvino: the fastest on CPUs, from a folder or an .onnx",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    parser = build_parser()
    args = parser.parse_args()
    if motion_of(args) == "list":
        list_motions(args.save_dir)
        return
    check_options(args)
    driven = args.pose_path is not None or args.target_uv is not None
    needed = args.iden_path is not None, driven, args.save_dir is not None
    if not all(needed) and (args.export is None or any(needed)):
        parser.error("give --iden_path, --pose_path and --save_dir (or --export FILE without them)")
    check_export(args)
    args.result = runnable(args.result, args.runtime)
    if args.batch_size < 1:
        raise CaptureError(f"--batch_size {args.batch_size}: give 1 or more")

    from capture.common.memory import explain_out_of_memory
    from capture.common.threads import choose_threads
    from capture.inference.background import parse_background
    from capture.inference.framing import known_framing
    from capture.inference.inputs import Notes, open_identity, passed_over_lines
    from capture.inference.pictures import check_places, list_identities, render_attention, render_files
    from capture.inference.presentation import Presentation, parse_resolution, settle_presentation
    from capture.inference.transfer import PoseTransfer

    choose_threads()
    transfer = PoseTransfer.load(args.result, args.device, args.precision, args.compile, args.runtime)
    if args.export is not None:
        export(transfer, args)
        if args.iden_path is None:
            return
    several = args.iden_path if len(args.iden_path) > 1 else None
    args.iden_path = args.iden_path[0]
    reads_maps = any(role.endswith("_uv") for role in transfer.generator.inputs)
    refuse_unused(parser, args, reads_maps)
    if reads_maps:
        if several:
            raise CaptureError("--iden_path: this method is driven by maps and takes one picture of a character")
        print_written(render_by_maps(transfer, args), args, "pictures")
        return
    known = known_framing(transfer.config) if args.framing == "auto" else None
    if camera_of(args) is not None:  # nobody is to move in front of a camera for pictures that can't be read
        for path in several or list_identities(args.iden_path):
            open_identity(path)
    stills, videos, sequence = find_poses(args)
    if not stills and (args.keep_aspect or args.attention):
        raise CaptureError("--keep_aspect and --attention are for pictures, and --pose_path is a video: leave them out")
    smooth = {"auto": None, "on": True, "off": False}[args.smooth]
    presentation = Presentation(
        parse_resolution(args.resolution), parse_background(args.background), smooth, args.pixel_art,
        keeps_head=args.keep_head == "auto",
    )  # fmt: skip
    settle_presentation(transfer, presentation, len(several or [0]), args.relative)  # refuses what the method can't do
    if args.smooth == "on" and not videos:
        raise CaptureError("--smooth on: it is for videos, and --pose_path has pictures alone; leave it out")
    if args.attention:  # first, since it refuses what can't be drawn
        print(render_attention(transfer, args.iden_path, args.pose_path, args.save_dir, known, args.which))
    notes, written, identity = Notes(), [], several or args.iden_path
    options = {
        **{name: getattr(args, name) for name in ("noise_scale", "seed", "batch_size", "relative", "which")},
        **{"known": known, "notes": notes, "presentation": presentation},
    }
    if stills or len(videos) > 1:
        check_places(identity, args.pose_path, args.save_dir)
    with explain_out_of_memory(transfer.device, f"rendering at --batch_size {args.batch_size}"):
        if stills:
            written += render_files(
                transfer, identity, args.pose_path, args.save_dir, keep_aspect=args.keep_aspect,
                form=args.format or "png", **options,
            )  # fmt: skip
        for video in videos:
            written += render_animation(transfer, args, identity, video, options)
    for line in passed_over_lines(args.iden_path, args.pose_path, sequence):
        print(line, file=sys.stderr)
    what = "pictures" if not videos else "videos" if not stills else "pictures and videos"
    print_written(written, args, what)


def refuse_unused(parser: Parser, args: argparse.Namespace, reads_maps: bool) -> None:
    """CaptureError where an option is given that rendering with this method would pass over."""
    given = {name: value for name, value in vars(args).items() if value not in (parser.get_default(name), "png")}
    if reads_maps and (motion_of(args) or camera_of(args) is not None):
        raise CaptureError(
            f"{args.result}: this method is driven by maps, and motions and webcams are pictures; give --target_uv"
        )
    unused = [f"--{name}" for name in (FOR_PICTURES if reads_maps else FOR_MAPS) if name in given]
    if unused and reads_maps:
        raise CaptureError(f"{args.result}: this method is driven by maps and does not use {', '.join(unused)}")
    if reads_maps and args.garment is None and {"parts", "garment_uv"} & given.keys():
        raise CaptureError("--parts, --garment_uv: only with --garment; leave them out")
    if unused:
        raise CaptureError(f"{args.result}: this method reads no maps; give --pose_path, leave {', '.join(unused)} out")
    if args.seed and not args.noise_scale:
        raise CaptureError("--seed: only with --noise_scale; leave it out")


def render_by_maps(transfer, args: argparse.Namespace) -> list[Path]:
    """Render with a method that reads IUV maps in place of a pose picture."""
    from capture.inference.map_pictures import check_predictable, map_of, render_maps
    from capture.inference.predicted_maps import MapPredictor

    predictor = None
    if args.predict_uv is not None:
        check_predictable(transfer)
        predictor = MapPredictor.load(args.predict_uv, args.device)
    poses = args.pose_path if predictor is not None and args.target_uv is None else None
    driving = poses or args.target_uv or map_of(args.pose_path, None, "--target_uv")
    garment = (args.garment, args.garment_uv) if args.garment else None
    return render_maps(
        transfer, args.iden_path, args.iden_uv, driving, args.save_dir, garment, args.parts, args.batch_size,
        predictor=predictor, of_poses=poses is not None,
    )  # fmt: skip


def print_written(written: list[Path], args: argparse.Namespace, what: str) -> None:
    """Say where the output is."""
    beside = f" and {written[0].with_suffix('.json').name}" if args.format == "sheet" else ""
    print(f"{written[0]}{beside}" if len(written) == 1 else f"{len(written)} {what} in {args.save_dir}")


if __name__ == "__main__":
    command_line(main)()
