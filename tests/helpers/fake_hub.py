"""A small stand-in for the Hugging Face hub on the loopback interface: repositories in memory, one branch, no LFS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "c" * 40


class FakeHub:
    """Serves while its `with` block runs.

    Attributes:
        endpoint: its address, for HF_ENDPOINT.  repositories: name -> path -> content.  requests: "METHOD path".
    """

    def __init__(self):
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802
                self._answer(hub.answer(self.command, unquote(self.path.split("?")[0]), b""))

            do_HEAD = do_GET  # noqa: N815

            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer(hub.answer(self.command, unquote(self.path.split("?")[0]), body))

            def _answer(self, answer):
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        self.requests.append(f"{method} {path}")
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else f"user/{asked['name']}"
            self.repositories.setdefault(name, {})
            return self._json({"url": f"{self.endpoint}/{name}"})
        if path == "/api/whoami-v2":
            return self._json({"name": "user", "type": "user", "orgs": []})
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit|revision)/main", path):
            name, what = found.groups()
            if name in self.repositories:
                return self._json(getattr(self, f"_{what}")(name, body))
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            name, file = found.groups()
            if name in self.repositories:
                return self._file(self.repositories[name].get(file))
        code = "RepoNotFound"
        return 404, {"X-Error-Code": code, "X-Error-Message": "not here"}, b"{}"

    def _preupload(self, name: str, body: bytes) -> dict:
        files = json.loads(body)["files"]
        return {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]}

    def _commit(self, name: str, body: bytes) -> dict:
        for line in body.decode().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                self.repositories[name][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        return {"success": True, "commitOid": COMMIT, "commitUrl": f"{self.endpoint}/{name}/commit/{COMMIT}"}

    def _revision(self, name: str, _: bytes) -> dict:
        return {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in self.repositories[name]]}

    def _file(self, content: bytes | None) -> tuple[int, dict[str, str], bytes]:
        if content is None:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "no such file"}, b""
        digest = hashlib.sha256(content).hexdigest()
        return 200, {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}, content

    def _json(self, value: dict) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
