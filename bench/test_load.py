#!/usr/bin/python3
"""A load generator that believes everything measures nothing: here are hubs that lie, one in each
way, and the generator must say so, and must find nothing wrong with an honest one.

usage: test_load.py PARLEY_LOAD
"""

import asyncio
import json
import subprocess
import sys
import unittest

import websockets

MESSAGES = 40
LIE_AT = 25  # the message that the hub lies about
LOAD = ["--clients", "5", "--window", "4", "--warmup", "0", "--messages", str(MESSAGES)]


class Hub:
    """Relays each message to all others. `lie` is given message LIE_AT when it is to go to the first
    of them, and returns what that client gets instead."""

    def __init__(self, lie=lambda message: [message], echo=False):
        self.lie = lie
        self.echo = echo
        self.clients = []
        self.heard = 0

    async def serve_client(self, websocket):
        self.clients.append(websocket)
        try:
            async for message in websocket:
                self.heard += 1
                await self.relay(websocket, message)
        except websockets.ConnectionClosed:
            pass

    async def relay(self, sender, message):
        others = [client for client in self.clients if client is not sender]
        for client in others + [sender] * self.echo:
            lying = client is others[0] and self.heard == LIE_AT
            for each in self.lie(message) if lying else [message]:
                await client.send(each)


async def put_load_on(hub, *options):
    async with websockets.serve(hub.serve_client, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        load = await asyncio.create_subprocess_exec(
            PROGRAM, "--url", f"ws://127.0.0.1:{port}/", *LOAD, *options,
            stdout=subprocess.PIPE,
        )
        output, _ = await load.communicate()
    return load.returncode, json.loads(output)


class LoadTest(unittest.TestCase):
    def run_load(self, hub, *options):
        return asyncio.run(put_load_on(hub, *options))

    def test_honest_hub(self):
        code, result = self.run_load(Hub())
        self.assertEqual(0, code)
        self.assertEqual(MESSAGES, result["messages"])
        self.assertEqual(MESSAGES * 5, result["deliveries"])
        self.assertEqual((0, 0), (result["wrong"], result["missing"]))

    def test_honest_chat(self):
        code, result = self.run_load(Hub(), "--mode", "chat")
        self.assertEqual(0, code)
        self.assertEqual(MESSAGES * 4, result["deliveries"])

    def test_large_messages(self):
        code, result = self.run_load(Hub(), "--size", "300000")
        self.assertEqual((0, MESSAGES * 5), (code, result["deliveries"]))

    def test_lost_delivery(self):
        code, result = self.run_load(Hub(lambda message: []))
        self.assertEqual((1, 1), (code, result["missing"]))
        self.assertEqual(1, result["wrong"])  # the one behind the gap comes too early

    def test_repeated_delivery(self):
        code, result = self.run_load(Hub(lambda message: [message, message]))
        self.assertEqual(1, code)
        self.assertGreater(result["wrong"], 0)

    def test_changed_byte(self):
        code, result = self.run_load(Hub(lambda message: [message.replace("...", "..!")]))
        self.assertEqual((1, 1), (code, result["missing"]))
        self.assertGreater(result["wrong"], 0)

    def test_swapped_deliveries(self):
        held = []

        class Swapping(Hub):
            async def relay(self, sender, message):
                if self.heard == LIE_AT:
                    held.append(message)
                    return
                await super().relay(sender, message)
                while held:
                    await super().relay(sender, held.pop())

        code, result = self.run_load(Swapping())
        self.assertEqual((1, 0), (code, result["missing"]))
        self.assertEqual(15, result["wrong"])  # each of five: too early, too late, and the next

    def test_echo_to_the_sender(self):
        code, result = self.run_load(Hub(echo=True))
        self.assertEqual(1, code)
        self.assertGreater(result["wrong"], 0)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
