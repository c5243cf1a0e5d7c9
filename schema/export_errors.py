"""The reference of errors, docs/errors.md: codes, close codes, and the HTTP statuses that no code has for its own."""
import json

HEAD = """
# Errors

An error in the world is a message `{"type":"error","agent_id":"gateway","agentId":"gateway","data":{"code","message","details"},"ts"}`;
over HTTP it is `{"error":{"code","message","details"}}` with a status. `code` is stable; `message` is a sentence for
people and may change; `details` says which rule, member or limit it was. A client that is refused at the handshake gets the HTTP
form in place of the upgrade; once it is connected, errors are messages, and the connection stays open unless it says
otherwise below.

How often each was sent is in `/metrics`: `parley_errors_sent_total` to clients, `parley_http_errors_total` over HTTP. Each one that a client was sent is in the
log on level `debug` (`error_sent`).

"""

MET = {"message": "message", "handshake": "handshake", "answer": "HTTP"}


def cell(text):
    return text.replace("|", "\\|")


def link(entry):
    return f"[`{entry['code']}`](#{entry['code'].lower()})"


def error_entry(entry):
    yield f"\n### {entry['code']}\n\n{entry['cause']}\n\n"
    yield f"- HTTP status: {entry['http']}.\n"
    if "close" in entry:
        yield f"- Close code: {entry['close']}.\n"
    yield f"- What to do: {entry['fix']}\n"
    for text in entry["details"]:
        json.loads(text)
    yield f"- `details`: {', '.join(f'`{text}`' for text in entry['details'])}\n"
    if "cases" in entry:
        yield "\n| How it is told | What it is, and what to do |\n|---|---|\n"
        for sign, advice in entry["cases"]:
            yield f"| {cell(sign)} | {cell(advice)} |\n"


def errors_md(table):
    yield HEAD
    yield "| Code | HTTP | Met as | What happened |\n|---|---|---|---|\n"
    for entry in table["error"]:
        met = ", ".join(MET[way] for way in entry["met"])
        yield f"| {link(entry)} | {entry['http']} | {met} | {cell(entry['cause'])} |\n"
    yield "\n## Codes\n"
    for entry in table["error"]:
        yield from error_entry(entry)
    yield (
        "\n## Close codes\n\nThe reason of a close frame is a sentence for people. Those that the gateway has sent are counted in\n"
        "`parley_client_closes_total`.\n\n| Code | Why | Come back? |\n|---|---|---|\n"
    )
    for entry in table["close"]:
        yield f"| {entry['code']} | {cell(entry['cause'])} | {cell(entry['again'])} |\n"
    yield (
        "\n## Other HTTP statuses\n\nSome refusals have a status of their own, which is not that of their code.\n\n"
        "| Status | `code` | Why |\n|---|---|---|\n"
    )
    for entry in table["status"]:
        yield f"| {entry['status']} | `{entry['code']}` | {cell(entry['cause'])} |\n"
