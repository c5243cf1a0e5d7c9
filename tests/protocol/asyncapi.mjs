// Reads an AsyncAPI document with the parser of the AsyncAPI initiative. It looks at the structure; payloads and examples
// are judged by judge.mjs.
//
// usage: node asyncapi.mjs DOCUMENT.json
//
// Writes {"faults": [{severity, path, message}], "operations": {ID: {action, address, types}}} as one line; severity 0 is
// an error, 1 a warning.

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const faults = diagnostics
  .filter(({ severity }) => severity <= 1)
  .map(({ severity, path, message }) => ({ severity, path: path.join("."), message }));
const operations = {};
for (const operation of document?.operations().all() ?? []) {
  operations[operation.id()] = {
    action: operation.action(),
    address: operation.channels().all()[0].address(),
    types: operation.messages().all().map((message) => message.name()),
  };
}
process.stdout.write(JSON.stringify({ faults, operations }) + "\n");
