"""A server that plays the gateway's dialect, strictly, on python3-websockets' own server.

It checks every frame against the contract and remembers it; the test says what it answers. Its loop runs in a thread of its
own, the test calls it from outside and waits for what it expects.
"""

import asyncio
import json
import queue
import threading
from http import HTTPStatus

import websockets

from . import PATIENCE


class Peer:
    """One connection: what it said, frame by frame, and how to say something to it."""

    def __init__(self, server, socket):
        self.server, self.socket = server, socket
        self.headers = socket.request_headers
        self.heard = queue.Queue()
        self.count = 0
        self.resumed = asyncio.Event()
        self.resumed.set()

    def say(self, frame):
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self.server.call(self.socket.send(text))

    def frame(self, kind, payload, **more):
        self.count += 1
        return {"type": kind, "id": f"msg-{self.count}-1", "payload": payload, "timestamp": 1, **more}

    def tell(self, kind, payload, **more):
        """A frame of the gateway, in the order of its members."""
        self.say(self.frame(kind, payload, **more))

    def error(self, code, message, reply_to=None):
        more = {"replyTo": reply_to} if reply_to else {}
        self.tell("error", {"code": code, "message": message, "details": {}}, **more)

    def next(self, patience=PATIENCE):
        """What it said next; None: it has gone."""
        return self.heard.get(timeout=patience)

    def take(self, kind):
        frame = self.next()
        assert frame is not None and frame["type"] == kind, f"not {kind} but {frame!r:.600}"
        return frame

    def gone(self):
        """It says no more."""
        frame = self.next()
        assert frame is None, f"it says {frame!r:.600}"

    def pause(self):
        """Nothing is read from it any more, so that what it writes has nowhere to go."""
        self.server.run(self.resumed.clear)

    def resume(self):
        self.server.run(self.resumed.set)

    def close(self, code=1000, reason=""):
        self.server.call(self.socket.close(code, reason))

    def abort(self):
        self.server.run(self.socket.transport.abort)

    # --- agents ------------------------------------------------------------------------------

    def register(self, message_bytes=1 << 20, send_queue_bytes=2 << 20):
        """Takes connect and agent_register, answers both; returns the payload of the latter."""
        hello = self.take("connect")
        limits = {"message_bytes": message_bytes, "send_queue_bytes": send_queue_bytes}
        self.tell("hello_ok", {"paired": True, "limits": limits}, replyTo=hello["id"])
        register = self.take("agent_register")
        agent = register["payload"]["agentId"]
        self.tell("agent_info", {"agentId": agent, "status": "registered"}, replyTo=register["id"])
        return register["payload"]

    def ask(self, name, request, **more):
        payload = {"capability": "demo.x", "request": request, "stream": False}
        self.tell("route_request", payload, id=name, source="c-asker", deadline=1 << 41, **more)

    def cancel(self, name):
        self.tell("route_cancel", {"requestId": name})

    def answer(self, name=None):
        """The payload of the next route_response, which must be about this request."""
        payload = self.take("route_response")["payload"]
        assert name is None or payload["requestId"] == name, payload
        return payload

    def end(self):
        """Takes the goodbye of an agent, answered, to its end."""
        assert self.take("agent_heartbeat")["payload"] == {"status": "busy"}
        self.bid_farewell()

    def bid_farewell(self):
        goodbye = self.take("agent_unregister")
        info = {"agentId": goodbye["payload"]["agentId"], "status": "unregistered"}
        self.tell("agent_info", info, replyTo=goodbye["id"])
        self.gone()


SHAPES = {
    "connect": {"deviceId": str, "role": str, "protocolVersion": int},
    "agent_register": {
        "agentId": str,
        "name": str,
        "type": str,
        "capabilities": dict,
        "maxConcurrent": int,
    },
    "agent_unregister": {"agentId": str},
    "agent_heartbeat": {"status": str},
    "route_request": {"capability": str, "agentId": str, "request": object, "timeoutMs": int, "stream": bool},
    "route_response": {"requestId": str, "ok": bool, "result": object, "error": object, "done": bool},
    "route_cancel": {"requestId": str},
    "chat_stream": {"content": str, "done": bool, "index": int},
    "chat_complete": {"content": str},
    "error": {"code": str, "message": str, "details": dict},
}


def check(frame):
    """What holds of every frame of a client."""
    members = list(frame)
    assert members[:2] == ["type", "id"] and members[2:4] == ["payload", "timestamp"], members
    assert set(members) <= {"type", "id", "payload", "timestamp", "replyTo"}, members
    assert isinstance(frame["id"], str) and 0 < len(frame["id"]) <= 256
    assert isinstance(frame["timestamp"], int) and frame["timestamp"] > 1e12
    shape = SHAPES[frame["type"]]
    for name, value in frame["payload"].items():
        assert name in shape, f"{frame['type']} has no {name}"
        kind = shape[name]
        assert kind is object or (isinstance(value, kind) and not (kind is int and isinstance(value, bool)))
    if frame["type"] == "route_response":
        assert ("error" in frame["payload"]) == (not frame["payload"]["ok"])


class FakeControl:
    """Use as a context manager. accept() is the next connection."""

    def __init__(self, port=0, token=None, message_bytes=1 << 20):
        self.token, self.message_bytes = token, message_bytes
        self.peers = queue.Queue()
        self.known = []
        self.problems = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self.call(self._listen(port))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def _listen(self, port):
        return await websockets.serve(
            self._serve,
            "127.0.0.1",
            port,
            max_size=self.message_bytes,
            max_queue=1,
            read_limit=1 << 16,
            compression=None,
            process_request=self._judge,
        )

    async def _judge(self, path, headers):
        if path != "/ws":
            return HTTPStatus.NOT_FOUND, [], b'{"error":{"code":"NOT_FOUND","message":"nothing is here","details":{}}}'
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            body = {"error": {"code": "AUTH_FAILED", "message": "give a token that is known", "details": {}}}
            return HTTPStatus.UNAUTHORIZED, [("Content-Type", "application/json")], json.dumps(body).encode()
        return None

    async def _serve(self, socket):
        peer = Peer(self, socket)
        hello = {"sessionId": "c-aaaaaaaaaaaaa", "status": "connected", "authRequired": False}
        await socket.send(json.dumps(peer.frame("session_info", hello)))
        self.known.append(peer)
        self.peers.put(peer)
        try:
            while True:
                await peer.resumed.wait()
                text = await socket.recv()
                frame = json.loads(text)
                try:
                    assert isinstance(text, str)
                    check(frame)
                except Exception as problem:
                    self.problems.append(f"{problem!r}: {text!r:.400}")
                peer.heard.put(frame)
        except websockets.ConnectionClosed:
            peer.heard.put(None)

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def run(self, function):
        async def once():
            function()

        self.call(once())

    def accept(self):
        return self.peers.get(timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is None:
            assert not self.problems, self.problems

    async def _close(self):
        for peer in self.known:
            peer.resumed.set()
        self._server.close()
        await self._server.wait_closed()

    def stop(self):
        if self._thread.is_alive():
            self.call(self._close())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(PATIENCE)
