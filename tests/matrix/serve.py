#!/usr/bin/python3
"""Runs one of the doubles as a process of its own, until its stdin ends.

usage: serve.py homeserver [NAME] | openai [API_KEY] [PACE_S] | aiagent [API_KEY]

Its first line is where it listens. The homeserver has controls: POST /_control/VERB with a JSON object
(homeserver/persons.py, CONTROLS). The agents echo, and at the end print what they were asked, a line each.
"""

import json
import sys

from agents import AIAgent, Answer, OpenAI
from homeserver import Homeserver


def main(kind="", *words):
    if kind == "homeserver":
        double = Homeserver(*words[:1])
    elif kind == "openai":
        pace_s = float(words[1]) if words[1:] else 0.0
        double = OpenAI(*words[:1], script=lambda question: Answer(f"echo: {question}", pace_s=pace_s))
    elif kind == "aiagent":
        double = AIAgent(*words[:1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print(double.url, flush=True)
    sys.stdin.read()
    for one in getattr(double, "asked", ()):
        print(json.dumps({"question": one.question, "key": one.key, "started": one.started, "last": one.last}))
    for text in double.violations:
        print(text, file=sys.stderr)
    double.web.close()
    return 1 if double.violations else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
