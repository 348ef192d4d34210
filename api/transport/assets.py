"""The files of a page: scripts, styles, fonts, pictures, compressed where a build has done that already."""

import os
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope
from typing_extensions import override

#: Beside a file may lie the same file in these encodings; the smaller comes first.
ENCODINGS = {"br": ".br", "gzip": ".gz"}

#: Not left to the machine, whose list may lack fonts or call scripts by an older name.
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

#: For files whose name holds a hash of what is in them.
IMMUTABLE = "public, max-age=31536000, immutable"
#: For files that keep their name: a browser asks each time whether they have changed.
REVALIDATED = "no-cache"


class Assets(StaticFiles):
    """Serves a folder. One that is not there holds no file, so each request for one is answered with 404."""

    def __init__(self, folder: Path, *, caching: str, policy: str) -> None:
        super().__init__(directory=folder, check_dir=False)
        self.config_checked = True  # the folder may come later
        self._headers = {
            "cache-control": caching,
            "content-security-policy": policy,  # a worker is bound by its own, not by its page's
            "vary": "Accept-Encoding",
            "x-content-type-options": "nosniff",
        }

    @override
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        request_headers = Headers(scope=scope)
        path, headers = Path(full_path), self._headers.copy()
        media_type = MEDIA_TYPES.get(path.suffix)
        for encoding in _accepted(request_headers):
            compressed = path.with_name(path.name + ENCODINGS[encoding])
            if compressed.is_file():
                path, stat_result = compressed, compressed.stat()
                headers["content-encoding"] = encoding
                break
        response = FileResponse(path, status_code, headers, media_type, stat_result=stat_result)
        if self.is_not_modified(response.headers, request_headers):
            return NotModifiedResponse(response.headers)
        return response


def page_headers(policy: str) -> dict[str, str]:
    """Return the headers of a page that is bound by a Content-Security-Policy, and is asked for anew each time."""
    return {
        "content-security-policy": policy,
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": REVALIDATED,
    }


def _accepted(headers: Mapping[str, str]) -> list[str]:
    """Return the encodings that a client takes, the best first; one with a `q` is rare, and as good as unsaid."""
    named = {part.strip().lower() for part in headers.get("accept-encoding", "").split(",")}
    return [encoding for encoding in ENCODINGS if encoding in named]
