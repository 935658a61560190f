"""Files from links, with a real server on this machine."""

from __future__ import annotations

import http.server
import os
import threading
from pathlib import Path

import pytest

from capture.data.fashion import download as module
from capture.data.fashion.download import download

FILES = {"/one.mp4": b"1" * 200_000, "/two words%20é.mp4": b"2" * 10, "/flaky.mp4": b"3" * 5000}


class Server(http.server.BaseHTTPRequestHandler):
    """Serves FILES; /short.mp4 stops half way, /page.mp4 is a web page, /flaky.mp4 works at the second attempt."""

    asked: list[str] = []

    def do_GET(self):
        again = self.path in self.asked
        self.asked.append(self.path)
        name = {"/two%20words%20%C3%A9.mp4": "/two words%20é.mp4"}.get(self.path, self.path)
        if name == "/page.mp4":
            self.answer(b"<html>Please log in", "text/html")
        elif name == "/short.mp4":
            self.answer(b"4" * 100, "video/mp4", promised=1000)
        elif name == "/busy.mp4" or (name == "/flaky.mp4" and not again):
            self.send_error(503)
        elif name == "/odd.mp4":
            self.answer(b"5" * 7, "video/mp4", promised="seven")
        elif name in FILES:
            self.answer(FILES[name], "video/mp4")
        else:
            self.send_error(404)

    def answer(self, data: bytes, kind: str, promised: int | str | None = None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised or len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.02))
    Server.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestDownload:
    def test_whole_files_are_kept_and_failures_named(self, server, tmp_path):
        links = {
            tmp_path / "one": f"{server}/one.mp4",
            tmp_path / "two": f"{server}/two words%20é.mp4",
            tmp_path / "flaky": f"{server}/flaky.mp4",
            tmp_path / "gone": f"{server}/gone.mp4",
            tmp_path / "page": f"{server}/page.mp4",
            tmp_path / "short": f"{server}/short.mp4",
            tmp_path / "busy": f"{server}/busy.mp4",
            tmp_path / "file": "file:///etc/hostname",
            tmp_path / "port": "http://127.0.0.1:1/x.mp4",
            tmp_path / "odd": "http://[x/y.mp4",
        }
        failed = download(links, progress=False)
        assert names(tmp_path) == ["flaky", "one", "two"]
        assert (tmp_path / "one").read_bytes() == FILES["/one.mp4"] and (tmp_path / "two").read_bytes() == b"2" * 10
        said = {path.name: why for path, why in failed.items()}
        assert set(said) == {"gone", "page", "short", "busy", "file", "port", "odd"}
        assert "404" in said["gone"] and "text/html" in said["page"] and "503" in said["busy"]
        assert said["short"] == "the server sent 100 bytes of 1000"
        assert "not a link" in said["file"] and "not a link" in said["odd"] and "no answer" in said["port"]
        assert not any("\n" in why for why in said.values())
        assert Server.asked.count("/gone.mp4") == 1 and Server.asked.count("/busy.mp4") == 3

    def test_existing_files_are_not_downloaded_again(self, server, tmp_path):
        (tmp_path / "one").write_bytes(b"mine")
        (tmp_path / f".flaky.{2**22 + 1}.partial").write_bytes(b"left by a killed run")
        links = {tmp_path / "one": f"{server}/one.mp4", tmp_path / "flaky": f"{server}/flaky.mp4"}
        assert download(links, progress=False) == {}
        assert (tmp_path / "one").read_bytes() == b"mine" and names(tmp_path) == ["flaky", "one"]
        assert set(Server.asked) == {"/flaky.mp4"}

    def test_what_other_processes_are_writing_is_left_alone(self, server, tmp_path):
        left = [f".one.{os.getppid()}.partial", ".other.123.partial"]
        for name in left:
            (tmp_path / name).write_bytes(b"half of it")
        assert download({tmp_path / "one": f"{server}/one.mp4"}, progress=False) == {}
        assert names(tmp_path) == sorted([*left, "one"])

    def test_a_length_that_is_no_number_counts_as_none(self, server, tmp_path):
        assert download({tmp_path / "odd": f"{server}/odd.mp4"}, progress=False) == {}
        assert (tmp_path / "odd").read_bytes() == b"5" * 7
