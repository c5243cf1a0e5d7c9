// The hub that a Bun user would write: what one client sends is published to all others.
// A client that connects with ?id=A&to=B speaks to B alone; with ?id=A, to whom each message names in `to`.
// BENCH_DEFLATE compresses, BENCH_KEY and BENCH_CERT are files for TLS.
// Usage: bun hub-bun.js PORT

const byId = new Map();
const { BENCH_DEFLATE, BENCH_KEY, BENCH_CERT } = process.env;
const compresses = BENCH_DEFLATE !== undefined;

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2] ?? 0),
  ...(BENCH_KEY && { tls: { key: Bun.file(BENCH_KEY), cert: Bun.file(BENCH_CERT) } }),
  fetch(request, server) {
    const query = new URL(request.url).searchParams;
    const data = { id: query.get('id'), to: query.get('to') };
    if (!server.upgrade(request, { data })) {
      return new Response('WebSocket only\n', { status: 426 });
    }
  },
  websocket: {
    perMessageDeflate: compresses,
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
        ws.publish('world', message, compresses);
      }
    },
    close(ws) {
      byId.delete(ws.data.id);
    },
  },
});

console.log(`port ${server.port}`);
