"""Options of save_result.py for exporting a generator, and for choosing what computes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from capture.common.errors import CaptureError
from capture.common.shipped import find_result

if TYPE_CHECKING:
    from capture.inference.transfer import PoseTransfer

ONNX_EXPORT = "generator.onnx"


def check_export(args: argparse.Namespace) -> None:
    """CaptureError where the options of an export don't fit each other."""
    if args.export is None:
        if args.half or args.int8 or args.base is not None:
            raise CaptureError("--half, --int8 and --base are for an export: give --export FILE")
        return
    if args.runtime == "openvino":
        raise CaptureError(f"--export {args.export}: --runtime openvino is for rendering; leave it out of an export")
    if args.export.suffix not in (".safetensors", ".onnx"):
        raise CaptureError(f"--export {args.export}: name it .safetensors or .onnx")
    if args.int8 and (args.half or args.export.suffix != ".onnx"):
        raise CaptureError("--int8: 8-bit weights are for .onnx, and not together with --half")
    if args.base is not None and args.export.suffix != ".safetensors":
        raise CaptureError(f"--base {args.base}: an .onnx file holds all weights; leave --base out")


def runnable(result: Path, runtime: str | None) -> Path:
    """What the runtime that was asked for loads of a result: of a folder, ONNX Runtime loads generator.onnx.

    Raises:
        CaptureError: there is nothing that this runtime can load.
    """
    if runtime == "torch" and result.suffix == ".onnx":
        raise CaptureError(f"{result}: --runtime torch can't load .onnx; give the result that it was exported from")
    if runtime != "onnx" or result.suffix == ".onnx":
        return result
    folder = find_result(result)
    if not (folder / ONNX_EXPORT).is_file():
        raise CaptureError(
            f"{result}: no {ONNX_EXPORT} for --runtime onnx; write one with --export FILE.onnx, and give that file"
        )
    return folder / ONNX_EXPORT


def export(transfer: PoseTransfer, args: argparse.Namespace) -> None:
    """Write the generator to --export, and say how large it is and how exact."""
    if args.export.suffix == ".onnx":
        from capture.inference.onnx.export import export_onnx

        precision = "int8" if args.int8 else "fp16" if args.half else "fp32"
        print(export_onnx(args.export, transfer.generator, transfer.config, precision))
        return
    from capture.checkpoints.checkpoint import export_generator
    from capture.inference.base_weights import split_from_base

    if args.result.suffix == ".onnx":
        raise CaptureError(f"{args.result}: an ONNX file can't be exported again; give the result that it came from")
    weights, base = transfer.generator.state_dict(), None
    if args.base is not None:
        weights, base = split_from_base(transfer.generator, weights, args.base, args.export)
    export_generator(args.export, weights, transfer.config, args.half, base)
    print(f"{args.export}: {args.export.stat().st_size / 2**20:.1f} MiB")
