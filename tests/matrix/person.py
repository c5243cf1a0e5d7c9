"""A person with a foreign client: python3-matrix-nio in a thread of its own, asked from the test's."""

import asyncio
import threading

from nio import (
    AsyncClient,
    AsyncClientConfig,
    InviteMemberEvent,
    RoomMessage,
    RoomMessageNotice,
    RoomMessageText,
    SyncResponse,
)
from web import PATIENCE


class Person:
    """Logs in and syncs for as long as it is open; `heard` are the messages, in their order."""

    def __init__(self, url, user_id, password="secret"):
        self.user_id = user_id
        self.heard = []  # (room id, event of nio)
        self.invites = []
        self.news = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.syncing = None
        self.client = self.run(self.make(url))
        try:
            self.ask(self.client.login(password, device_name="a test"))
            self.syncing = asyncio.run_coroutine_threadsafe(self.sync(), self.loop)
            self.wait(lambda: self.client.next_batch, "the first sync")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    async def make(self, url):
        client = AsyncClient(url, self.user_id, config=AsyncClientConfig(encryption_enabled=False))
        client.add_event_callback(self.on_message, RoomMessage)
        client.add_event_callback(self.on_invite, InviteMemberEvent)
        client.add_response_callback(self.on_sync, SyncResponse)
        return client

    async def sync(self):
        await self.client.sync_forever(timeout=10_000)

    async def tell(self, target, what):
        with self.news:
            if target is not None:
                target.append(what)
            self.news.notify_all()

    async def on_message(self, room, event):
        await self.tell(self.heard, (room.room_id, event))

    async def on_invite(self, room, event):
        if event.state_key == self.user_id and event.membership == "invite":
            await self.tell(self.invites, room.room_id)

    async def on_sync(self, response):
        await self.tell(None, None)

    # --- from the test ------------------------------------------------------------------------

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def ask(self, coroutine):
        """Runs it, and wants an answer that is no error."""
        answer = self.run(coroutine)
        assert not type(answer).__name__.endswith("Error"), answer
        return answer

    def wait(self, claim, what):
        with self.news:
            found = self.news.wait_for(claim, PATIENCE)
        assert found, f"{what}: not so in time; heard {[event.body for _, event in self.heard][-5:]}"
        return found

    def send(self, room_id, content, kind="m.room.message"):
        return self.ask(self.client.room_send(room_id, kind, content)).event_id

    def say(self, room_id, body, **more):
        return self.send(room_id, {"msgtype": "m.text", "body": body, **more})

    def join(self, room_id):
        return self.ask(self.client.join(room_id)).room_id

    def said_by(self, user_id, room_id):
        """What somebody said in a room, as this person heard it: edits are messages of their own."""
        wanted = (RoomMessageText, RoomMessageNotice)
        return [e for room, e in list(self.heard) if room == room_id and e.sender == user_id and isinstance(e, wanted)]

    def hears(self, user_id, room_id, text, what=""):
        """Waits until somebody has said a text there; returns the event."""

        def found():
            return next((e for e in self.said_by(user_id, room_id) if text in e.body), None)

        return self.wait(found, what or text)

    def close(self):
        if self.syncing:
            self.syncing.cancel()
        self.run(self.client.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
