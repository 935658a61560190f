"""Render identity images in the pose of pose images.

    python save_result.py result/Fashion --iden_path A.png --pose_path B.png --save_dir out

writes out/output.png (S x S) and out/iden_pose_output.png (identity, pose and output side by side). Either path may be
a folder: every identity is then rendered in every pose, into out/<identity>__<pose>/. --pose_path may be a video or an
animated picture (GIF, APNG, WebP, AVIF): the character then does what it shows, in out/output.mp4 and
out/iden_pose_output.mp4. With --format mp4 (or gif), a folder of frames is one video, too.

A good picture shows one whole figure on a plain or transparent ground. By default the figure is put on the ground and
scaled to the size that the weights know, and a line says what was done; --framing as_is uses pictures as they are.

    python save_result.py result/Fashion --export generator.safetensors

writes the generator alone, with its configuration inside; that file can stand where a result folder does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from capture.common.errors import CaptureError, Parser, command_line

# options that only methods that read IUV maps use, and those that only the others use
FOR_MAPS = ("iden_uv", "target_uv", "predict_uv", "garment", "garment_uv")
FOR_PICTURES = ("noise_scale", "keep_aspect", "format", "which", "attention", "relative")


def build_parser() -> Parser:
    parser = Parser(prog="save_result.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "result", type=Path, help="a result folder (ours or the release's), or an exported .safetensors"
    )
    parser.add_argument("--iden_path", type=Path, help="picture of the character, or a folder of them")
    parser.add_argument(
        "--pose_path", type=Path, help="picture of the pose, a folder of them, or a video or animated picture"
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
    parser.add_argument(
        "--predict_uv",
        type=Path,
        nargs="?",
        const=Path("result") / "Toon",
        metavar="RESULT",
        help="... predict the maps of pictures that have none, by this result of CaPTURe-Parts (default: result/Toon)",
    )
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
    parser.add_argument(
        "--format",
        choices=("png", "mp4", "gif"),
        help="what comes out: png, a picture of each pose (default); mp4 (default for videos) or gif, one of all",
    )
    parser.add_argument(
        "--framing",
        choices=("auto", "as_is"),
        default="auto",
        help="auto (default): put figures on the ground and scale them to the size that the weights know",
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
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the generator as .safetensors")
    parser.add_argument("--half", action="store_true", help="export in float16, half the size")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    parser = build_parser()
    args = parser.parse_args()
    driven = args.pose_path is not None or args.target_uv is not None
    if args.export is None and (args.iden_path is None or not driven or args.save_dir is None):
        parser.error("give --iden_path, --pose_path and --save_dir (or --export FILE)")
    if args.export is not None and args.export.suffix != ".safetensors":
        raise CaptureError(f"--export {args.export}: name it .safetensors")
    if args.batch_size < 1:
        raise CaptureError(f"--batch_size {args.batch_size}: give 1 or more")
    if args.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise CaptureError("--device cuda: no GPU that torch can use here; leave --device out")

    from capture.common.memory import explain_out_of_memory
    from capture.common.threads import choose_threads
    from capture.inference.framing import known_framing
    from capture.inference.inputs import Listing, Notes, passed_over_lines
    from capture.inference.pictures import render_attention, render_files
    from capture.inference.transfer import PoseTransfer

    choose_threads()
    transfer = PoseTransfer.load(args.result, args.device, args.precision, args.compile)
    if args.export is not None:
        from capture.checkpoints.checkpoint import export_generator

        export_generator(args.export, transfer.generator.state_dict(), transfer.config, args.half)
        print(f"{args.export}: {args.export.stat().st_size / 2**20:.1f} MiB")
        if args.iden_path is None:
            return
    reads_maps = any(role.endswith("_uv") for role in transfer.generator.inputs)
    refuse_unused(parser, args, reads_maps)
    if reads_maps:
        print_written(render_by_maps(transfer, args), args.save_dir, "pictures")
        return
    known = known_framing(transfer.config) if args.framing == "auto" else None
    poses = Listing.of(args.pose_path)
    sequence = args.pose_path.is_dir() and args.format in ("mp4", "gif")
    videos = [args.pose_path] if sequence else poses.videos
    still = bool(poses.pictures) and not sequence
    if not still and (args.keep_aspect or args.attention) and videos:
        raise CaptureError("--keep_aspect and --attention are for pictures, and --pose_path is a video: leave them out")
    if args.attention:  # first, since it refuses what can't be drawn
        print(render_attention(transfer, args.iden_path, args.pose_path, args.save_dir, known, args.which))
    notes, written = Notes(), []
    options = {"batch_size": args.batch_size, "relative": args.relative, "known": known, "which": args.which}
    with explain_out_of_memory(transfer.device, f"rendering at --batch_size {args.batch_size}"):
        if still or not videos:
            written += render_files(
                transfer, args.iden_path, args.pose_path, args.save_dir, args.noise_scale, args.seed,
                args.keep_aspect, notes=notes, **options,
            )  # fmt: skip
        if videos:
            from capture.inference.video import render_video

        for video in videos:
            written += render_video(
                transfer, args.iden_path, video, args.save_dir, args.noise_scale, args.seed,
                form=args.format or "mp4", alone=video == args.pose_path, notes=notes, **options,
            )  # fmt: skip
    for line in passed_over_lines(args.iden_path, args.pose_path, sequence):
        print(line, file=sys.stderr)
    what = "pictures" if not videos else "videos" if not still else "pictures and videos"
    print_written(written, args.save_dir, what)


def refuse_unused(parser: Parser, args: argparse.Namespace, reads_maps: bool) -> None:
    """CaptureError where an option is given that rendering with this method would pass over."""
    given = {name: value for name, value in vars(args).items() if value not in (parser.get_default(name), "png")}
    unused = [f"--{name}" for name in (FOR_PICTURES if reads_maps else FOR_MAPS) if name in given]
    if unused and reads_maps:
        raise CaptureError(f"{args.result}: this method is driven by maps and does not use {', '.join(unused)}")
    if unused:
        raise CaptureError(
            f"{args.result}: this method reads no maps; give --pose_path, and leave {', '.join(unused)} out"
        )


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


def print_written(written: list[Path], save_dir: Path, what: str) -> None:
    print(written[0] if len(written) == 1 else f"{len(written)} {what} in {save_dir}")


if __name__ == "__main__":
    command_line(main)()
