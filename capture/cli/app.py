"""A web page on this computer: drop a drawing, choose a motion, a picture, a video or the webcam, and download.

    python app.py
    python app.py result/Mine --port 7861

Nothing leaves this computer: the page listens on the loopback interface alone unless --host says otherwise, and loads
no fonts, scripts or statistics from elsewhere. It needs Gradio: pip install gradio.
"""

from __future__ import annotations

import argparse
import os

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.programs import described, started_as

PROGRAM = "app.py"
LOOPBACK = "127.0.0.1"


def build_parser() -> Parser:
    parser = Parser(
        prog=started_as(PROGRAM),
        description=described(__doc__, PROGRAM),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "result", nargs="?", default="Styles", help="a result folder or exported weights (default: Styles)"
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"address to listen on (default {LOOPBACK}: this computer)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default 7860)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    if not 1 <= args.port <= 65535:
        raise CaptureError(f"--port {args.port}: give a number from 1 to 65535")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio
    except ImportError:
        raise CaptureError("the page needs Gradio; install it: pip install gradio") from None
    if int(gradio.__version__.split(".")[0]) < 6:
        raise CaptureError(f"the page needs Gradio 6, and {gradio.__version__} is installed: pip install -U gradio")
    from capture.app.page import LARGEST_FILE, STYLE, THEME, build_page
    from capture.common.threads import choose_threads
    from capture.inference.pipeline import Pipeline

    choose_threads()
    page = build_page(Pipeline.load(args.result, args.device))
    if args.host != LOOPBACK:
        print(f"note: listening on {args.host}, so other computers may reach this page")
    print(f"http://{args.host}:{args.port}  (Ctrl-C ends it)", flush=True)
    try:
        page.queue(max_size=16, default_concurrency_limit=1).launch(
            server_name=args.host, server_port=args.port, max_file_size=LARGEST_FILE, inbrowser=args.open, quiet=True,
            show_error=True, footer_links=[], theme=THEME, css=STYLE,
        )  # fmt: skip
    except OSError as error:
        raise CaptureError(f"--port {args.port}: can't listen there ({error}); give another --port") from None


if __name__ == "__main__":
    command_line(main)()
