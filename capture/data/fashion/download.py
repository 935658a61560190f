"""Downloading files from links. A file is whole or absent, and existing files are not downloaded again."""

from __future__ import annotations

import concurrent.futures
import http.client
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from capture.common.files import write_atomically
from capture.io.array_file import sweep

TOGETHER = 8  # connections
TIMEOUT = 15.0  # seconds without a byte
PAUSES = (1.0, 4.0)  # seconds before the second and third attempt
PIECE = 1 << 16  # bytes


class _Refused(Exception):
    """A failure that another attempt would not change."""


class _Broken(Exception):
    """A failure that another attempt may avoid."""


def download(links: Mapping[Path, str], name: str = "download", progress: bool = True) -> dict[Path, str]:
    """Download every link whose file is missing; returns the reasons of those that failed.

    Ctrl-C leaves no partial file; calling again goes on with the files that are missing.

    Args:
        links: where to -> an http or https address.
        name: beside the progress bar.
    Raises:
        CaptureError: a file can't be written.
    """
    missing = {path: link for path, link in links.items() if not path.exists()}
    for path in missing:
        sweep(path)
    stop = threading.Event()
    failed: dict[Path, str] = {}
    pool = concurrent.futures.ThreadPoolExecutor(TOGETHER)
    bar = tqdm(total=len(missing), desc=name, unit="file", disable=not progress or not missing, file=sys.stderr)
    try:
        with bar:
            futures = {pool.submit(_fetch, link, path, stop): path for path, link in missing.items()}
            for future in concurrent.futures.as_completed(futures):
                if why := future.result():
                    failed[futures[future]] = why
                bar.update()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    return failed


def _fetch(link: str, path: Path, stop: threading.Event) -> str:
    """Download one file, with further attempts where they may help; returns the reason of a failure, or ""."""
    if not link.lower().startswith(("http://", "https://")):
        return f"not a link: {link[:80]}"
    why = ""
    for pause in (0.0, *PAUSES):
        if stop.wait(pause):
            return "interrupted"
        try:
            write_atomically(path, lambda file: _receive(link, file, stop))
            return ""
        except _Refused as error:
            return str(error)
        except _Broken as error:
            why = str(error)
    return why


def _receive(link: str, file: BinaryIO, stop: threading.Event) -> None:
    """Copy what the server sends to `file`."""
    received = 0
    with _ask(link) as answer:
        if answer.headers.get_content_maintype() == "text":
            raise _Refused(f"the link leads to {answer.headers.get_content_type()}, not to a file")
        expected = answer.headers.get("Content-Length", "").strip()
        while piece := _next(answer):
            if stop.is_set():
                raise _Broken("interrupted")
            file.write(piece)
            received += len(piece)
    if expected.isdecimal() and received != int(expected):  # some servers send no number, or none that is one
        raise _Broken(f"the server sent {received} bytes of {expected}")


def _ask(link: str) -> http.client.HTTPResponse:
    address = urllib.parse.quote(link, safe="%/:=&?~#+!$,;'@()*[]")
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "CaPTURe prepare.py"})
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        kind = _Broken if error.code >= 500 or error.code in (408, 429) else _Refused
        raise kind(f"the link is dead (HTTP {error.code} {error.reason})") from None
    except urllib.error.URLError as error:
        raise _Broken(f"no answer from the server ({error.reason})") from None
    except (http.client.InvalidURL, ValueError) as error:
        raise _Refused(f"not a link that can be followed ({error})") from None
    except (http.client.HTTPException, OSError) as error:
        raise _Broken(f"no answer from the server ({error or type(error).__name__})") from None


def _next(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(PIECE)
    except (http.client.HTTPException, OSError) as error:  # a further OSError can only come from the disk
        raise _Broken(f"the connection broke ({error})") from None
