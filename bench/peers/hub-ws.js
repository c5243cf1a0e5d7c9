// The hub that a user of `ws` would write: what one client sends goes to all others.
// A client that connects with ?id=A&to=B speaks to B alone; with ?id=A, to whom each message names in `to`.
// Usage: node hub-ws.js PORT

import { WebSocket, WebSocketServer } from 'ws';

const byId = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) });

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

server.on('listening', () => console.log(`port ${server.address().port}`));
