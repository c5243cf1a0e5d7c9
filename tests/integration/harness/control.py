"""A client of the gateway dialect, on the same engine as the world's."""

from .client import Client


class Control(Client):
    GREETING = "session_info"
    PING = '{"type":"ping","id":"are-you-there"}'

    def __init__(self, s, host, path="/ws", **options):
        super().__init__(s, host, path, **options)
        self.count = 0

    @property
    def id(self):
        return self.greeting["payload"]["sessionId"]

    def say(self, kind, payload=None, **members):
        """Sends a message with an id of its own, which is returned; `payload` None: without one."""
        self.count += 1
        message = {"type": kind, "id": f"m-{self.count}", **members}
        if payload is not None:
            message["payload"] = payload
        self.send(message)
        return message["id"]

    def ask(self, kind, payload=None, **members):
        """Says it, and returns the next message, which must be the answer."""
        asked = self.say(kind, payload, **members)
        answer = self.next()
        assert answer.get("replyTo") == asked, f"no answer to {kind} but {answer!r:.400}"
        return answer

    def create(self, session, **members):
        info = self.ask("session_create", {"sessionId": session, **members})["payload"]
        assert info["status"] == "created", info
        return info

    def join(self, session):
        info = self.ask("session_join", {"sessionId": session})["payload"]
        assert info["status"] == "joined", info
        return info

    def error(self, code):
        """The next message, which must be this error; returns its payload."""
        message = self.take("error")
        payload = message["payload"]
        assert payload["code"] == code, payload
        assert isinstance(payload["message"], str) and payload["message"], payload
        assert isinstance(payload["details"], dict), payload
        return payload
