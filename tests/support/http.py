"""A small, real caller for adapters: TLS verified against a test CA, bytes and wall time bounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from adapters.contract import Deadline, HttpResponse, SourceNonsense, SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request as it went out and the answer that came back, kept for tests to look at."""

    url: str
    headers: Mapping[str, str]
    sent: bytes
    answer: HttpResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCaller:
    """An :class:`~adapters.contract.HttpCaller` that trusts one CA and remembers what was said."""

    __test__ = False  # a part for tests, not a test

    ca: Path
    log: list[Exchange] = field(default_factory=list)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        """POST ``body``, without redirects or proxies. Raises the adapters' errors."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                with session.post(
                    url,
                    data=body,
                    headers=dict(headers),
                    verify=str(self.ca),
                    timeout=max(0.01, deadline.remaining_s()),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    content = b"".join(_within(response, max_bytes, deadline))
            except (requests.RequestException, HTTPError, OSError):
                raise SourceUnavailable("The case system could not be reached in time.") from None
        answer = HttpResponse(status=response.status_code, headers=dict(response.headers), body=content)
        self.log.append(Exchange(url=url, headers=dict(headers), sent=body, answer=answer))
        return answer


def _within(response: requests.Response, max_bytes: int, deadline: Deadline) -> Iterator[bytes]:
    total = 0
    while chunk := response.raw.read1(8192, decode_content=True):
        total += len(chunk)
        if total > max_bytes:
            raise SourceNonsense("The case system's answer is too long.")
        if deadline.remaining_s() == 0:
            raise SourceUnavailable("The case system did not finish in time.")
        yield chunk
