"""An OpenID provider and a GitHub on this machine: the endpoints that signing in uses, each with its rules."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "cutwork-test", "a secret of the provider's"


class Provider(ThreadingHTTPServer):
    """`person` is who signs in; `grants` the codes that were given out, each good once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.person = {"sub": "4711", "email": "ada@example.org", "email_verified": True, "name": "Ada"}
        self.grants: dict[str, dict] = {}
        self.tokens: set[str] = set()
        self.audience = CLIENT

    def id_token(self, nonce):
        moment = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": moment, "exp": moment + 60, "nonce": nonce}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims | self.person, self.key)

    def exchange(self, form):
        """The token endpoint: code, client and PKCE verifier have to fit."""
        grant = self.grants.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if grant is None or grant["code_challenge"] != challenge.decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        token = secrets.token_hex(8)
        self.tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return 200, answer | ({"id_token": self.id_token(grant["nonce"])} if "nonce" in grant else {})


class Handler(BaseHTTPRequestHandler):
    """Routes by path; what GitHub alone has is below `/login/oauth` and `/api`."""

    server: Provider

    def do_GET(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        person = self.server.person
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(200, self._metadata())
            case "/jwks":
                self._json(200, {"keys": [self.server.key.as_dict(private=False)]})
            case "/authorize" | "/login/oauth/authorize":
                assert query["client_id"] == CLIENT
                code = secrets.token_hex(8)
                self.server.grants[code] = query
                back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
                self._send(302, b"", Location=back)
            case "/api/user" if self._has_token():
                self._json(200, {"id": int(person["sub"]), "name": person["name"], "login": "ada"})
            case "/api/user/emails" if self._has_token():
                other = {"email": "other@example.org", "primary": False, "verified": True}
                mine = {"email": person["email"], "primary": True, "verified": person["email_verified"]}
                self._json(200, [other, mine])
            case _:
                self._json(401, {"error": "no"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {basic}":
            return self._json(401, {"error": "invalid_client"})
        return self._json(*self.server.exchange(dict(parse_qsl(body))))

    def _has_token(self):
        return self.headers["Authorization"].removeprefix("Bearer ") in self.server.tokens

    def _metadata(self):
        at = self.server.url
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _json(self, status, document):
        self._send(status, json.dumps(document).encode(), **{"Content-Type": "application/json"})

    def _send(self, status, body, **headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def running():
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield provider
    provider.shutdown()
    thread.join()
    provider.server_close()
