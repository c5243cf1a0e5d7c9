"""`parley jwt check` with tokens that another implementation has made and signed (PyJWT, on cryptography)."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness.gateway import run_parley

OK, FAILED, USAGE, REFUSED, CONFIGURATION = 0, 1, 2, 77, 78
ISSUER = "https://id.example"
SECRET = "a secret that is long enough for HMAC"
CANARY = "canary-5ecre7"

PRIVATE = {
    "HS256": SECRET,
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def public_text(key):
    """What the gateway is given of a key."""
    if isinstance(key, str):
        return key + "\n"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def claims(**more):
    now = int(time.time())
    return {"iss": ISSUER, "sub": "kitchen", "iat": now, "exp": now + 3600} | more


def sign(payload, algorithm="ES256", key=None, **header):
    return jwt.encode(payload, key or PRIVATE[algorithm], algorithm=algorithm, headers=header or None)


class Site:
    """A configuration with a key of each algorithm."""

    def __init__(self, path):
        self.path, self.config = path, path / "parley.yaml"
        for algorithm, key in PRIVATE.items():
            self.write_key(algorithm, key)
        self.configure([f"{algorithm} {path}/{algorithm}" for algorithm in PRIVATE])

    def write_key(self, name, key):
        file = self.path / name
        file.write_text(public_text(key), encoding="utf-8")
        file.chmod(0o600)

    def configure(self, keys, **options):
        options = {"keys": keys, "issuer": ISSUER, **options}
        self.config.write_text(json.dumps({"auth": {"jwt": options}}), encoding="utf-8")

    def check(self, code, token, *words):
        done = run_parley("jwt", "check", "--config", str(self.config), *words, stdin=token + "\n")
        assert done.returncode == code, done
        assert "\x1b" not in done.stdout + done.stderr and CANARY not in done.stderr
        assert len(token) < 8 or token not in done.stdout + done.stderr
        return done

    def accepts(self, token):
        return json.loads(self.check(OK, token, "--json").stdout)

    def refuses(self, token, reason):
        done = self.check(REFUSED, token)
        assert done.stderr.startswith(f"parley: the token is refused: {reason} ("), done
        assert done.stdout == ""


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_every_algorithm(site, algorithm):
    grants = {"publish": ["bark", "scene_*"], "sessions": "world:*", "broadcast": True, "agent_id": "lamp"}
    payload = claims(parley=grants)
    assert site.accepts(sign(payload, algorithm)) == {
        "subject": "kitchen",
        "issuer": ISSUER,
        "kid": "",
        "expires_at_ms": (payload["exp"] + 60) * 1000,
        "agent_id": "lamp",
        "publish": "bark|scene_*",
        "sessions": "world:*",
        "act_as": "",
        "broadcast": True,
        "admin": False,
    }


def test_for_people(site):
    done = site.check(OK, sign(claims(sub="Küche", parley={"publish": "*", "admin": True})))
    assert done.stderr == ""
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines.pop("expires").startswith("in 1h ")
    assert lines == {"subject": "Küche", "issuer": ISSUER, "publish": "*", "admin": "yes"}
    assert "grants" in site.check(OK, sign(claims())).stdout


@pytest.mark.parametrize("bits", [3072, 4096])
def test_long_keys(site, bits):
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    site.write_key("long", key)
    site.configure([f"RS256 {site.path}/long"])
    site.accepts(sign(claims(), "RS256", key))
    site.refuses(sign(claims(), "RS256"), "bad_signature")


@pytest.mark.parametrize(
    "more, reason",
    [
        ({"iss": ISSUER + "/"}, "wrong_issuer"),
        ({"aud": "us"}, "wrong_audience"),
        ({"exp": int(time.time()) - 61}, "expired"),
        ({"nbf": int(time.time()) + 3000}, "not_yet"),
        ({"sub": CANARY + "\n"}, "bad_claims"),
        ({"parley": {"publish": CANARY + " "}}, "bad_claims"),
        ({"parley": {CANARY: True}}, "bad_claims"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_claims(site, more, reason):
    site.refuses(sign(claims(**more)), reason)


def test_a_fraction_of_a_second(site):
    exp = int(time.time()) + 100
    assert site.accepts(sign(claims(exp=exp + 0.25)))["expires_at_ms"] == (exp + 60) * 1000 + 250


def test_audience_and_leeway(site):
    site.configure([f"ES256 {site.path}/ES256"], audience="us", leeway="5m")
    site.accepts(sign(claims(aud=["you", "us"])))
    site.accepts(sign(claims(aud="us", iat=1, exp=int(time.time()) - 200)))
    site.refuses(sign(claims(aud="you")), "wrong_audience")
    site.refuses(sign(claims()), "wrong_audience")


def test_none(site):
    site.refuses(jwt.encode(claims(), None, algorithm="none"), "unknown_key")


def test_kid(site):
    site.configure([f"ES256 {site.path}/ES256 kid=old", f"EdDSA {site.path}/EdDSA kid=new iss=me"])
    assert site.accepts(sign(claims(), kid="old"))["kid"] == "old"
    found = site.accepts(sign(claims(iss="me"), "EdDSA", kid="new"))
    assert (found["kid"], found["issuer"]) == ("new", "me")
    site.refuses(sign(claims(), "EdDSA", kid="new"), "wrong_issuer")
    site.refuses(sign(claims(), kid="new"), "unknown_key")
    site.refuses(sign(claims(), kid=f"../{CANARY}"), "unknown_key")
    site.accepts(sign(claims()))


def test_another_key(site):
    site.refuses(sign(claims(), key=ec.generate_private_key(ec.SECP256R1())), "bad_signature")
    site.refuses(sign(claims(), "EdDSA", jku=f"https://{CANARY}.example"), "malformed")


@pytest.mark.parametrize("token", ["x", "a.b.c", CANARY, "x" * 16385, "." * 16384])
def test_no_token(site, token):
    done = site.check(FAILED if len(token) > 16384 else REFUSED, token)
    assert "malformed" in done.stderr or "too long" in done.stderr


def test_nothing(site):
    assert "there is nothing" in site.check(FAILED, "").stderr


@pytest.mark.parametrize("words", [[], ["chek"], ["check", "more"], ["eyJ.eyJ." + CANARY], ["check", CANARY]])
def test_wrong_use(words):
    done = run_parley("jwt", *words, stdin="x")
    assert done.returncode == USAGE and done.stdout == "" and CANARY not in done.stderr


def test_keys_that_will_not_do(site):
    site.configure([])
    assert "auth.jwt.keys" in site.check(CONFIGURATION, "x").stderr
    site.configure([f"HS256 {site.path}/nowhere"])
    assert "nowhere: cannot be opened" in site.check(CONFIGURATION, "x").stderr
    site.configure([f"HS256 {site.path}/ES256"])
    assert "ES256: this is a key or a certificate in PEM" in site.check(CONFIGURATION, "x").stderr
    site.configure([f"RS256 {site.path}/ES256"])
    assert "ES256: this is no RSA key" in site.check(CONFIGURATION, "x").stderr
    site.write_key("huge", "x" * 20000)
    site.configure([f"HS256 {site.path}/huge"])
    assert "huge: this is longer" in site.check(CONFIGURATION, "x").stderr


def test_an_open_secret(site):
    (site.path / "HS256").chmod(0o644)
    done = site.check(OK, sign(claims(), "HS256"))
    assert done.stderr.startswith("parley: warning: ") and "chmod 600" in done.stderr


# --- the gateway -----------------------------------------------------------------------------------

GRANTS = {"publish": "*", "sessions": ["world:*"], "admin": True}


@pytest.fixture
def guarded(start, site):
    return start("--config", str(site.config), settings={"auth.mode": "jwt"})


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_in_by_a_token(guarded, algorithm):
    token = sign(claims(parley=GRANTS), algorithm)
    client = guarded.client(headers=[("Authorization", f"Bearer {token}")])
    by_query = guarded.client(path=f"/ws/matrix?token={token}")
    client.send({"type": "bark", "data": {"text": "hi"}})
    assert by_query.take("bark")
    status, _, body = guarded.request("/api/gateway/clients", headers=[f"Authorization: Bearer {token}"])
    assert status == 200 and {each["userId"] for each in json.loads(body)["clients"]} == {"kitchen"}


def test_in_by_a_message(guarded):
    stranger = guarded.client()
    stranger.send({"type": "agent_register", "agentId": "a", "token": sign(claims(parley=GRANTS))})
    assert stranger.take("connection_ack")["data"]["agent_id"] == "a"
    control = guarded.control()
    assert control.ask("auth", {"token": sign(claims(parley=GRANTS))})["payload"]["userId"] == "kitchen"


def test_not_in_by_a_wrong_one(guarded):
    wrong = [
        sign(claims(parley=GRANTS, iat=0, exp=int(time.time()) - 3600)),
        sign(claims(parley=GRANTS, iss="somebody")),
        sign(claims(parley=GRANTS), key=ec.generate_private_key(ec.SECP256R1())),
        jwt.encode(claims(parley=GRANTS), None, algorithm="none"),
        "not.a.token",
    ]
    for token in wrong:
        status, _, body = guarded.request("/api/gateway/agents", headers=[f"Authorization: Bearer {token}"])
        assert status == 401 and json.loads(body)["error"]["code"] == "AUTH_FAILED", token
    reasons = [guarded.wait_event("jwt_refused", skip=n)["reason"] for n in range(len(wrong))]
    assert reasons == ["expired", "wrong_issuer", "bad_signature", "unknown_key", "malformed"]


def test_keys_of_two_issuers(start, site):
    """Two of the same name, whose tokens different issuers have signed, have an Idempotency-Key each."""
    issuers = ["https://a.example", "https://b.example"]
    for number, issuer in enumerate(issuers):
        site.write_key(f"of-{number}", f"{SECRET} {issuer}")
    site.configure([f"HS256 {site.path}/of-{n} iss={issuer} kid={n}" for n, issuer in enumerate(issuers)])
    gateway = start("--config", str(site.config), settings={"auth.mode": "jwt"})
    body = json.dumps({"world": "main", "message": {"type": "bark", "data": {"text": "hi"}}}).encode()

    def publish(number):
        token = sign(claims(iss=issuers[number], parley=GRANTS), "HS256", f"{SECRET} {issuers[number]}", kid=f"{number}")
        fields = ["Content-Type: application/json", f"Content-Length: {len(body)}", "Idempotency-Key: evening-1"]
        status, headers, _ = gateway.request(
            "/api/gateway/publish", "POST", [*fields, f"Authorization: Bearer {token}"], body
        )
        assert status == 202
        return "idempotency-replayed" in headers

    # A token of the same person is a new one each time, and the key is still his.
    assert [publish(0), publish(1), publish(0), publish(1)] == [False, False, True, True]


def test_without_the_claim_nothing_is_granted(guarded):
    status, _, body = guarded.request("/api/gateway/clients", headers=[f"Authorization: Bearer {sign(claims())}"])
    assert status == 403 and json.loads(body)["error"]["code"] == "FORBIDDEN"


def test_a_token_runs_out(guarded):
    """The leeway is a minute, so one that ran out 59 s ago has a second left, and is warned about at once."""
    token = sign(claims(parley=GRANTS, iat=0, exp=int(time.time()) - 57))
    client = guarded.control(headers=[("Authorization", f"Bearer {token}")])
    client.error("AUTH_EXPIRING")
    client.wait_closed(4401)


def test_a_token_is_renewed(guarded):
    token = sign(claims(parley=GRANTS, iat=0, exp=int(time.time()) - 57))
    client = guarded.control(headers=[("Authorization", f"Bearer {token}")])
    doomed = guarded.control(headers=[("Authorization", f"Bearer {token}")])
    client.error("AUTH_EXPIRING")
    assert client.ask("auth", {"token": sign(claims(parley=GRANTS))})["type"] == "auth_success"
    doomed.error("AUTH_EXPIRING")
    doomed.wait_closed(4401)
    assert client.ask("ping")["type"] == "pong"

