// permessage-deflate with Node's `ws`: whatever is asked for, what is echoed is what was sent.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import WebSocket from "ws";

const offers = [
  {},
  { clientNoContextTakeover: true },
  { serverNoContextTakeover: true },
  { clientMaxWindowBits: 9 },
  { clientMaxWindowBits: 15 },
  { serverMaxWindowBits: 9 },
  { serverMaxWindowBits: 15 },
  { clientNoContextTakeover: true, serverNoContextTakeover: true, clientMaxWindowBits: 10, serverMaxWindowBits: 12 },
];
const texts = ["", "short", "x".repeat(100000), "grüße ".repeat(3000), "the same twice ".repeat(20), "the same twice ".repeat(20)];
const messages = [...texts, Buffer.alloc(70000), randomBytes(5000), Buffer.alloc(0)];

for (const offer of offers) {
  const socket = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0, ...offer } });
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  assert.match(socket.extensions, /^permessage-deflate/);
  for (const message of messages) {
    const answer = new Promise((resolve, reject) => {
      socket.once("message", (data, binary) => resolve(binary ? data : data.toString()));
      socket.once("error", reject);
    });
    socket.send(message);
    assert.deepEqual(await answer, message);
  }
  socket.close();
  await new Promise((resolve) => socket.on("close", resolve));
}
console.log("ok");
