"""Documents that are named in place of being sent.

Two kinds, which must not be mixed up: *trusted* documents, which the operator gave us under names of their own, and
*automatic* ones (APQ), which any caller may store under their SHA-256. An automatic document is only ever found by
its own hash, so nobody can put another text under the name of a trusted one.

Source: the appendix on persisted documents of GraphQL over HTTP for `documentId`, Apollo's protocol for
`extensions.persistedQuery`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLError

from api.execution.errors import Code, coded
from api.execution.memory import LeastRecentlyUsed
from api.execution.requests import NOTHING, GraphQLRequest

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
SHA256_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class _Text:
    text: str

    @property
    def weight(self) -> int:
        return 500 + 4 * len(self.text)


class PersistedDocuments:
    """The texts that may be asked for by name."""

    def __init__(
        self, trusted: Mapping[str, str] = NOTHING, capacity: int = 10_000, weight_max: int = 16 * 2**20
    ) -> None:
        self._trusted = dict(trusted)
        self._by_hash = {sha256(text): text for text in self._trusted.values()}
        self._automatic: LeastRecentlyUsed[_Text] = LeastRecentlyUsed(capacity, weight_max)

    def resolve(self, request: GraphQLRequest) -> str | GraphQLError:
        """Return the text of the document that a request is about, by whatever name it goes."""
        if request.document_id is not None:
            return self._find_trusted(request)
        if "persistedQuery" not in request.extensions:
            return request.query or ""
        digest = _read_hash(request.extensions["persistedQuery"])
        if digest is None:
            message = "The extension `persistedQuery` is not {version: 1, sha256Hash: 64 lower-case hex digits}."
            return coded(message, Code.BAD_USER_INPUT)
        if request.query is not None:
            if sha256(request.query) != digest:
                return coded("The sha256Hash is not the hash of the query.", Code.PERSISTED_QUERY_MISMATCH)
            return request.query
        return self._find_by_hash(digest) or coded("PersistedQueryNotFound", Code.PERSISTED_QUERY_NOT_FOUND)

    def remember(self, request: GraphQLRequest) -> None:
        """Keep the document of a request that names its hash; its text was found to be valid."""
        if request.query is not None and request.document_id is None and "persistedQuery" in request.extensions:
            self._automatic.put(sha256(request.query), _Text(request.query))

    def _find_trusted(self, request: GraphQLRequest) -> str | GraphQLError:
        name = request.document_id or ""
        text = self._trusted.get(name)
        if text is None and name.startswith(SHA256_PREFIX):
            text = self._find_by_hash(name.removeprefix(SHA256_PREFIX))
        if text is None:
            return coded(f"There is no document with the id '{name[:100]}'.", Code.DOCUMENT_NOT_FOUND)
        if request.query is not None and request.query != text:
            return coded("The query is not the document with that id.", Code.PERSISTED_QUERY_MISMATCH)
        return text

    def _find_by_hash(self, digest: str) -> str | None:
        if (text := self._by_hash.get(digest)) is not None:
            return text
        found = self._automatic.get(digest)
        return found.text if found else None


def sha256(text: str) -> str:
    """Return the hash by which clients know a text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _read_hash(extension: object) -> str | None:
    if not isinstance(extension, dict) or extension.get("version") != 1:
        return None
    digest = extension.get("sha256Hash")
    return digest if isinstance(digest, str) and SHA256_HEX.fullmatch(digest) else None
