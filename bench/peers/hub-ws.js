// The hub that a user of `ws` would write: what one client sends goes to all others.
// A client that connects with ?id=A&to=B speaks to B alone; with ?id=A, to whom each message names in `to`.
// BENCH_DEFLATE compresses, BENCH_KEY and BENCH_CERT are files for TLS.
// Usage: node hub-ws.js PORT

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { WebSocket, WebSocketServer } from 'ws';

const { BENCH_DEFLATE, BENCH_KEY, BENCH_CERT } = process.env;
const byId = new Map();
const listener = BENCH_KEY
  ? https.createServer({ key: readFileSync(BENCH_KEY), cert: readFileSync(BENCH_CERT) })
  : http.createServer();
const server = new WebSocketServer({ server: listener, perMessageDeflate: BENCH_DEFLATE !== undefined });

server.on('connection', (ws, request) => {
  const query = new URL(request.url, 'ws://hub').searchParams;
  const id = query.get('id');
  const to = query.get('to');
  if (id !== null) {
    byId.set(id, ws);
    ws.on('close', () => byId.delete(id));
  }
  ws.on('message', (message, binary) => {
    if (id !== null) {
      byId.get(to ?? JSON.parse(message).to)?.send(message, { binary });
      return;
    }
    for (const other of server.clients) {
      if (other !== ws && other.readyState === WebSocket.OPEN) {
        other.send(message, { binary });
      }
    }
  });
  ws.on('error', () => ws.terminate());
});

listener.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`port ${listener.address().port}`);
});
