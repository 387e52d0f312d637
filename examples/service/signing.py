"""Signing tokens and verifying them, as a JSON web token does."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Optional

_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


def sign(claims: dict[str, Any], key: bytes) -> str:
    """Return a token that says *claims*."""
    body = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    message = _HEADER + b"." + body
    return (message + b"." + _signature(message, key)).decode()


def verify(token: str, key: bytes) -> Optional[str]:
    """Return whose *token* it is, ``None`` if it is not one of ours."""
    message, _, signature = token.encode().rpartition(b".")
    if not hmac.compare_digest(signature, _signature(message, key)):
        return None
    body = message.partition(b".")[2]
    claims = json.loads(urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    username: str = claims["sub"]
    return username


def _signature(message: bytes, key: bytes) -> bytes:
    return urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=")
