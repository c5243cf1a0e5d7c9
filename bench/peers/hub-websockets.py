#!/usr/bin/python3
"""The hub that a user of python3-websockets would write: what one client sends goes to all others.

Usage: hub-websockets.py PORT
"""

import asyncio
import sys

import websockets

clients = set()


async def serve_client(websocket):
    clients.add(websocket)
    try:
        async for message in websocket:
            websockets.broadcast(clients - {websocket}, message)
    except websockets.ConnectionClosed:
        pass  # the generator leaves without a word
    finally:
        clients.discard(websocket)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    async with websockets.serve(serve_client, "127.0.0.1", port, compression=None) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
