"""The issuer's keys, and the access tokens they sign.

Staff sign in at an OpenID Connect issuer; it hands out JWT access tokens, signed with RS256, ES256
or EdDSA. Two kinds are understood: those of RFC 9068 (the audience is us) and Amazon Cognito's
(no audience; `token_use` is access and `client_id` is ours). Opaque tokens are not supported.

Keys are kept for ten minutes. While the issuer cannot be reached, keys once seen serve on for
a day, so that its outage does not lock the desk out; a key unknown to us is never trusted.
"""

import functools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from chalicelib.domain.refusal import Busy, NotSignedIn
from chalicelib.outbound import wire

FRESH: Final = timedelta(minutes=10)  # how long keys serve without asking again
STALE: Final = timedelta(days=1)  # how long they serve while the issuer does not answer
PAUSE: Final = timedelta(seconds=10)  # between two questions to the issuer, whatever arrives
LONG_PAUSE: Final = timedelta(minutes=1)  # the same while stale keys serve
LEEWAY: Final = timedelta(seconds=30)  # between its clock and ours
SECONDS: Final = 4.0  # for one question

_MOST_TOKEN: Final = 8 * 1024  # characters; the gateway takes 10 KB of headers in all
_MOST_DOCUMENT: Final = 256 * 1024
_MOST_KEYS: Final = 64
_LEAST_RSA: Final = 2048  # bits. Source: RFC 7518 §3.3
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt", ""})  # RFC 9068 §2.1; Cognito: ""
# Which key may carry which algorithm: a token cannot choose another use of a key
_FITS: Final[Mapping[str, Mapping[str, str]]] = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}


class BadToken(NotSignedIn):
    """A token that is not accepted. facts: `reason`, a slug; never a part of the token."""

    @property
    def reason(self) -> str:
        """Why: malformed, algorithm, key, signature, issuer, audience, expired, early, …."""
        return str(self.facts["reason"])


class IssuerUnreachable(Busy):
    """The issuer did not answer usably, and no key of its is at hand. facts: `reason`."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token speaks of. Names and roles are not read from it: ours come from our table."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(slots=True)
class _Keys:
    """What the issuer published, by key id, and when we asked."""

    by_id: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fetched_at: datetime | None = None
    asked_at: datetime | None = None


class Issuer:
    """One issuer, its keys, and what a token of its must say to be for us."""

    def __init__(
        self,
        url: str,
        *,
        audience: str = "",
        client_id: str = "",
        network: wire.Network | None = None,
    ) -> None:
        """url: as the tokens' `iss` says it; https, or http to loopback.

        audience: ours, for tokens by RFC 9068. client_id: the desk's; alone it means Cognito.
        An audience equal to the client id would let an id token pass for an access token.
        Raises ValueError for settings nobody should use.
        """
        self._place_of(url)
        if not (audience or client_id) or audience == client_id:
            raise ValueError("an issuer needs an audience or a client id, and they must differ")
        self.url = url
        self._audience = audience
        self._client_id = client_id
        self._network = network
        self._keys = _Keys()
        self._asking = threading.Lock()

    def verify(self, token: str, *, at: datetime) -> Claims:
        """Return whom a token speaks of. Raises BadToken or IssuerUnreachable."""
        header = _header(token)
        key = self._key(header, at=at)
        return self._claims(_payload(token, key=key, algorithm=header["alg"]), at=at)

    # -- keys

    def _key(self, header: Mapping[str, Any], *, at: datetime) -> Mapping[str, Any]:
        """Return the published key that a token names, asking the issuer where that may help."""
        kid = header["kid"]
        if self._age(at) > FRESH or kid not in self._keys.by_id:
            self._ask(at=at, wanted=kid)
        key = self._keys.by_id.get(kid)
        if key is None:
            raise BadToken(reason="unknown-key")
        if not _fits(key, header["alg"]):
            raise BadToken(reason="algorithm")
        return key

    def _age(self, at: datetime) -> timedelta:
        fetched = self._keys.fetched_at
        return timedelta.max if fetched is None else at - fetched

    def _ask(self, *, at: datetime, wanted: str) -> None:
        """Fetch the keys, unless that was tried a moment ago or another thread just did.

        Raises IssuerUnreachable if that leaves us without keys that may still serve.
        """
        with self._asking:
            asked, is_known = self._keys.asked_at, wanted in self._keys.by_id
            if is_known and self._age(at) <= FRESH:
                return
            pause = LONG_PAUSE if is_known and self._age(at) <= STALE else PAUSE
            may_ask = asked is None or at - asked >= pause
            failure = self._refresh(at) if may_ask else "asked-a-moment-ago"
        if failure and self._age(at) > STALE:
            raise IssuerUnreachable(reason=failure)

    def _refresh(self, at: datetime) -> str:
        """Replace the keys by what the issuer publishes now. Returns why it could not, or ''."""
        self._keys.asked_at = at
        try:
            found = self._fetch()
        except _Unusable as error:
            return str(error)
        self._keys = _Keys(by_id=found, fetched_at=at, asked_at=at)
        return ""

    def _fetch(self) -> Mapping[str, Mapping[str, Any]]:
        about = self._get(self.url.rstrip("/") + "/.well-known/openid-configuration")
        if about.get("issuer") != self.url:  # RFC 8414 §3.3: else anybody may speak for anybody
            raise _Unusable("discovery-issuer")
        where = about.get("jwks_uri")
        if not isinstance(where, str):
            raise _Unusable("discovery-jwks-uri")
        published = self._get(where).get("keys")
        if not isinstance(published, list) or len(published) > _MOST_KEYS:
            raise _Unusable("keys")
        return {
            key["kid"]: key
            for key in reversed(published)  # of two with one id the first counts
            if isinstance(key, dict) and isinstance(key.get("kid"), str)
        }

    def _get(self, url: str) -> dict[str, Any]:
        try:
            request = wire.Request(
                method="GET",
                place=self._place_of(url),
                headers={"Accept": "application/json"},
                seconds=SECONDS,
                max_body=_MOST_DOCUMENT,
            )
            answer = wire.exchange(request, network=self._network)
        except ValueError as error:
            raise _Unusable("url") from error
        except wire.NotSent as error:
            raise _Unusable("unreachable") from error
        except wire.NoAnswer as error:
            raise _Unusable("no-answer") from error
        if answer.status != HTTPStatus.OK:
            raise _Unusable(f"http-{answer.status}")
        document = _object(answer.body)
        if document is None:
            raise _Unusable("unreadable")
        return document

    @staticmethod
    def _place_of(url: str) -> wire.Place:
        place = wire.place_of(url)
        if place.scheme != "https" and not place.is_loopback:
            raise ValueError("scheme")
        return place

    # -- claims

    def _claims(self, said: Mapping[str, Any], *, at: datetime) -> Claims:
        if said.get("iss") != self.url:
            raise BadToken(reason="issuer")
        self._check_audience(said)
        expires_at = _instant(said, "exp")
        if at >= expires_at + LEEWAY:
            raise BadToken(reason="expired")
        early = [_instant(said, name) for name in ("nbf", "iat") if name in said]
        if any(at < instant - LEEWAY for instant in early):
            raise BadToken(reason="early")
        client_id = said.get("client_id", said.get("azp", ""))
        return Claims(
            subject=_text(said, "sub"),
            client_id=client_id if isinstance(client_id, str) else "",
            scopes=frozenset(str(said.get("scope", "")).split()),
            expires_at=expires_at,
        )

    def _check_audience(self, said: Mapping[str, Any]) -> None:
        """Refuse a token for somebody else. With an audience set, the audience decides."""
        if self._audience:
            meant = said.get("aud")
            if self._audience not in (meant if isinstance(meant, list) else [meant]):
                raise BadToken(reason="audience")
            return
        if said.get("token_use") != "access":
            raise BadToken(reason="token-use")
        if said.get("client_id") != self._client_id:
            raise BadToken(reason="client")


class _Unusable(Exception):
    """What the issuer said cannot be used. The message is a slug."""


def _header(token: str) -> dict[str, str]:
    """Return `alg` and `kid` of a token that is shaped like one we accept. Raises BadToken."""
    import jwt  # noqa: PLC0415 - with cryptography 14 MB; only a signed-in request needs it

    if len(token) > _MOST_TOKEN:
        raise BadToken(reason="malformed")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise BadToken(reason="malformed") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _FITS:  # none, HS256 …: ask for no key
        raise BadToken(reason="algorithm")
    if "crit" in header or str(header.get("typ", "")).lower() not in _TYPES:
        raise BadToken(reason="type")
    if not isinstance(kid, str):
        raise BadToken(reason="no-key-id")
    return {"alg": algorithm, "kid": kid}


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a published key is of the kind, and meant for the use, that the algorithm needs."""
    return (
        all(key.get(name) == value for name, value in _FITS[algorithm].items())
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def _payload(token: str, *, key: Mapping[str, Any], algorithm: str) -> Mapping[str, Any]:
    """Return what a token says, once its signature holds. Raises BadToken."""
    import jwt  # noqa: PLC0415 - as above
    from jwt.api_jws import PyJWS  # noqa: PLC0415

    try:
        public = jwt.PyJWK(dict(key), algorithm)
        if getattr(public.key, "key_size", _LEAST_RSA) < _LEAST_RSA and algorithm == "RS256":
            raise BadToken(reason="weak-key")
        payload = PyJWS().decode(token, key=public, algorithms=[algorithm])
    except jwt.InvalidSignatureError:
        raise BadToken(reason="signature") from None
    except (jwt.PyJWTError, ValueError):
        raise BadToken(reason="malformed") from None
    said = _object(payload)
    if said is None:
        raise BadToken(reason="malformed")
    return said


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object, or None for anything else; NaN and infinities are not JSON."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _instant(said: Mapping[str, Any], name: str) -> datetime:
    """Return a NumericDate (RFC 7519 §2) as an instant. Raises BadToken."""
    value = said.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadToken(reason=f"no-{name}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadToken(reason=f"no-{name}") from None


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255:  # noqa: PLR2004 - OIDC Core §2
        raise BadToken(reason=f"no-{name}")
    return value


@functools.cache
def issuer_from(url: str, *, audience: str = "", client_id: str = "") -> Issuer:
    """Return the issuer of these settings, always the same one, with the keys it has fetched."""
    return Issuer(url, audience=audience, client_id=client_id)
