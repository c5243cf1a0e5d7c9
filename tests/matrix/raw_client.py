"""A Matrix client that does what it is told, right or wrong."""

import http.client
import json
from urllib.parse import quote, urlsplit

API = "/_matrix/client/v3"


class RawClient:
    def __init__(self, url):
        self.host = urlsplit(url).netloc
        self.token = None
        self.refresh_token = None

    def ask(self, method, path, body=None, *, kind="application/json", token=None, raw=None):
        """(status, decoded body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": kind} if data is not None and kind else {}
        if token or self.token:
            headers["Authorization"] = f"Bearer {token or self.token}"
        try:
            connection.request(method, path if path[:2] == "/_" else API + path, data, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def login(self, user, password="secret", device_id="DEVICE"):
        identifier = {"type": "m.id.user", "user": user}
        body = {"type": "m.login.password", "identifier": identifier, "password": password, "device_id": device_id}
        status, answer = self.ask("POST", "/login", {**body, "refresh_token": True})
        if status == 200:
            self.take(answer)
        return status, answer

    def take(self, answer):
        self.token, self.refresh_token = answer["access_token"], answer.get("refresh_token")

    def refresh(self, token=None):
        return self.ask("POST", "/refresh", {"refresh_token": token or self.refresh_token})

    def send(self, room, content, txn_id="t1", kind="m.room.message", **options):
        return self.ask("PUT", f"/rooms/{quote(room)}/send/{kind}/{txn_id}", content, **options)

    def sync(self, since=None, timeout=0, **query):
        words = [f"timeout={timeout}"] + ([f"since={since}"] if since else [])
        words += [f"{name}={quote(value)}" for name, value in query.items()]
        return self.ask("GET", "/sync?" + "&".join(words))
