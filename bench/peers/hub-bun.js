// The hub that a Bun user would write: what one client sends is published to all others.
// A client that connects with ?id=A&to=B speaks to B alone; with ?id=A, to whom each message names in `to`.
// Usage: bun hub-bun.js PORT

const byId = new Map();

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2] ?? 0),
  fetch(request, server) {
    const query = new URL(request.url).searchParams;
    const data = { id: query.get('id'), to: query.get('to') };
    if (!server.upgrade(request, { data })) {
      return new Response('WebSocket only\n', { status: 426 });
    }
  },
  websocket: {
    open(ws) {
      if (ws.data.id !== null) {
        byId.set(ws.data.id, ws);
      } else {
        ws.subscribe('world');
      }
    },
    message(ws, message) {
      if (ws.data.id !== null) {
        byId.get(ws.data.to ?? JSON.parse(message).to)?.send(message);
      } else {
        ws.publish('world', message);
      }
    },
    close(ws) {
      byId.delete(ws.data.id);
    },
  },
});

console.log(`port ${server.port}`);
