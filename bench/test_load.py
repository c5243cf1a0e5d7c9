#!/usr/bin/python3
"""A load generator that believes everything measures nothing: here are hubs that lie, one in each
way, and the generator must say so, and must find nothing wrong with an honest one.

usage: test_load.py PARLEY_BENCH
"""

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import certificate
import websockets

MESSAGES = 40
LIE_AT = 25  # the message that the hub lies about
LOAD = ["--clients", "5", "--window", "4", "--warmup", "0", "--messages", str(MESSAGES), "--json"]
PLAIN = ["--dialect", "plain", "--url"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}


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
        finally:
            self.clients.remove(websocket)

    async def relay(self, sender, message):
        others = [client for client in self.clients if client is not sender]
        for client in others + [sender] * self.echo:
            lying = client is others[0] and self.heard == LIE_AT
            for each in self.lie(message) if lying else [message]:
                with contextlib.suppress(websockets.ConnectionClosed):  # it is of the load before
                    await client.send(each)


async def put_load_on(hub, mode, *options, compression=None, tls=None, environment=None):
    async with websockets.serve(hub.serve_client, "127.0.0.1", 0, compression=compression, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        load = await asyncio.create_subprocess_exec(
            PROGRAM, mode, *PLAIN, f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/", *LOAD, *options,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT | (environment or {}),
        )
        output, errors = await load.communicate()
    hub.complaint = errors.decode()
    return load.returncode, [json.loads(line) for line in output.splitlines()]


@contextlib.contextmanager
def server_context():
    """What a server needs, and the file that its clients have to believe."""
    with tempfile.TemporaryDirectory() as folder:
        key, cert = certificate.make(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        yield context, cert


def run_program(*arguments, text=""):
    return subprocess.run(
        [PROGRAM, *arguments], input=text, capture_output=True, text=True, timeout=60, env=ENVIRONMENT
    )


class LoadTest(unittest.TestCase):
    def run_load(self, hub, *options, mode="fanout", **how):
        code, results = asyncio.run(put_load_on(hub, mode, *options, **how))
        self.assertEqual(1, len(results))
        return code, results[0]

    def test_honest_hub(self):
        code, result = self.run_load(Hub())
        self.assertEqual(0, code)
        self.assertEqual(MESSAGES, result["messages"])
        self.assertEqual(MESSAGES * 5, result["deliveries"])
        self.assertEqual((0, 0), (result["wrong"], result["missing"]))

    def test_honest_chat(self):
        code, result = self.run_load(Hub(), mode="chat")
        self.assertEqual(0, code)
        self.assertEqual(MESSAGES * 4, result["deliveries"])

    def test_large_messages(self):
        code, result = self.run_load(Hub(), "--size", "300000")
        self.assertEqual((0, MESSAGES * 5), (code, result["deliveries"]))

    def test_compressed(self):
        how = {"compression": "deflate"}
        code, result = self.run_load(Hub(), "--size", "3000", "--deflate", **how)
        self.assertEqual((0, MESSAGES * 5), (code, result["deliveries"]))
        code, result = self.run_load(Hub(lambda message: []), "--size", "3000", "--deflate", **how)
        self.assertEqual((1, 1), (code, result["missing"]))
        hub = Hub()
        code, results = asyncio.run(put_load_on(hub, "fanout", "--deflate"))
        self.assertEqual((69, []), (code, results))
        self.assertIn("the hub does not agree to --deflate", hub.complaint)

    def test_tls(self):
        with server_context() as (context, cert):
            how = {"tls": context, "environment": {"SSL_CERT_FILE": cert}}
            code, result = self.run_load(Hub(), "--size", "300000", **how)
            self.assertEqual((0, MESSAGES * 5), (code, result["deliveries"]))
            code, result = self.run_load(Hub(lambda message: []), **how)
            self.assertEqual((1, 1), (code, result["missing"]))
            hub = Hub()
            code, results = asyncio.run(put_load_on(hub, "fanout", tls=context))
            self.assertEqual((69, []), (code, results))
            self.assertIn("self-signed certificate", hub.complaint)

    def test_honest_open_loop(self):
        code, result = self.run_load(Hub(), "--rate", "2000")
        self.assertEqual((0, MESSAGES * 5), (code, result["deliveries"]))
        self.assertEqual(("open", 0), (result["loop"], result["expected_interval_ns"]))
        self.assertEqual(result["latency_ns"], result["corrected_ns"])

    def test_percentiles(self):
        _, result = self.run_load(Hub())
        values = list(result["latency_ns"].values())
        self.assertEqual(MESSAGES * 5, values.pop(0))
        self.assertEqual(sorted(values), values)
        self.assertEqual(result["latency_ns"]["p50"], result["expected_interval_ns"])
        self.assertGreaterEqual(result["corrected_ns"]["count"], MESSAGES * 5)

    def test_series_and_plot(self):
        with tempfile.TemporaryDirectory() as folder:
            drawn, again = os.path.join(folder, "drawn.svg"), os.path.join(folder, "again.svg")
            code, results = asyncio.run(
                put_load_on(Hub(), "fanout", "--clients", "2,3", "--label", "<&>", "--svg", drawn)
            )
            self.assertEqual((0, [2 * MESSAGES, 3 * MESSAGES]), (code, [each["deliveries"] for each in results]))
            lines = "".join(json.dumps(each) + "\n" for each in results)
            done = run_program("plot", "--svg", again, text=lines)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            for path in (drawn, again):
                root = xml.etree.ElementTree.parse(path).getroot()
                self.assertEqual("{http://www.w3.org/2000/svg}svg", root.tag)
                texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
                self.assertIn("<&>, 3", texts)

    def test_template_of_ones_own(self):
        template = run_program("template", "--dialect", "plain")
        self.assertEqual(0, template.returncode)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(template.stdout.replace('"bark"', '"own"'))
            file.flush()
            code, result = self.run_load(Hub(), "--template", file.name)
        self.assertEqual((0, MESSAGES * 5, file.name), (code, result["deliveries"], result["dialect"]))

    def test_body_alone(self):
        """A hub that changes what stands around the body is fine where the dialect says so."""
        source = run_program("template", "--dialect", "plain").stdout
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(source.replace("delivers: whole", "delivers: body"))
            file.flush()
            hub = Hub(lambda message: [message.replace('"bark"', '"BARK"')])
            code, _ = self.run_load(hub, "--template", file.name)
        self.assertEqual(0, code)
        hub.heard = 0
        code, _ = self.run_load(hub)
        self.assertEqual(1, code)

    def test_wrong_use(self):
        for arguments in (["fanuot"], ["plot"], ["fanout", "--clients", "0"], ["plot", "--svg", "/no/such/x"], []):
            done = run_program(*arguments, text="{}")
            self.assertIn(done.returncode, (1, 2), arguments)
            self.assertTrue(done.stderr.startswith("parley: "), arguments)
            self.assertEqual("", done.stdout)

    def test_nobody_there(self):
        done = run_program("fanout", *PLAIN, "ws://127.0.0.1:1", "--clients", "1")
        self.assertEqual(69, done.returncode)
        self.assertIn("--url says where", done.stderr)

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
