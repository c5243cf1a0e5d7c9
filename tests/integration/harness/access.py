"""Credentials of all kinds, and ways to come in with one."""

import hashlib
import json

from .raw import exchange, split_response

PASSWORD = "correct horse, battery staple"
# Of that password, with the least work that argon2id can be told to do.
PASSWORD_HASH = (
    "$argon2id$v=19$m=64,t=1,p=1$YSBzYWx0IG9mIHNpeHRlZQ$/D4NlDnHIr+5dH/34puNdBBTRgbGu550QFqCrT8QMp0"
)
SHARED = "a-shared-secret.of~all_of-us"
WRONG = "not-a-token-of-anybody"


def token_of(name):
    """The token of this name: the same everywhere, since nothing secret hangs on it."""
    return f"parley_test-token.of~{name}"


def token_line(name, grants="", token=None):
    digest = hashlib.sha256((token or token_of(name)).encode()).hexdigest()
    return f"sha256:{digest} {name} {grants}".rstrip()


def write_tokens(path, grants):
    """A token file at `path`, of {name: grants}. Returns its path as text."""
    path.write_text("".join(token_line(name, text) + "\n" for name, text in grants.items()))
    path.chmod(0o600)
    return str(path)


def write_secret(path, secret=SHARED):
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return str(path)


def password_settings():
    return {"auth.mode": "password", "auth.password_hash": PASSWORD_HASH}


def bearer(secret):
    """The header that gives a token or password, as (name, value)."""
    return ("Authorization", f"Bearer {secret}")


def ask(gateway, path, *, method="GET", headers=(), body=None):
    """(status, headers, decoded JSON or bytes) of a request; `body` is an object, sent as JSON."""
    fields = [f"{name}: {value}" for name, value in headers]
    data = b""
    if method == "POST":
        data = json.dumps(body if body is not None else {}).encode()
        fields += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    status, answered, content = gateway.request(path, method, fields, data)
    if answered.get("content-type", "").startswith("application/json"):
        content = json.loads(content)
    return status, answered, content


def ask_raw(gateway, head):
    """One request by hand, `head` without its last line end: (status, headers, body)."""
    return split_response(exchange(gateway.open_socket(), head.encode() + b"\r\n"))[:3]


def new_ticket(gateway, secret, **grants):
    """A ticket, made with a token or the password."""
    status, _, answer = ask(gateway, "/api/gateway/tickets", method="POST", headers=[bearer(secret)], body=grants)
    assert status == 201, (status, answer)
    return answer["ticket"]


def refusal(content):
    """(code, rule or None) of the body of an error."""
    error = content["error"]
    assert error["message"], error
    return error["code"], error["details"].get("rule")
