#include "cli/bench_flags.h"

#include "cli/address.h"

const struct flag bench_flags[] = {
    [BENCH_URL] = {"--url", "URL",
                   "the hub: ws://HOST:PORT; with a path, that and not the dialect's (PARLEY_URL)"},
    [BENCH_TOKEN_FILE] = FLAG_TOKEN_FILE,
    [BENCH_DIALECT] = {"--dialect", "world|gateway|plain|nats", "what is spoken (world)"},
    [BENCH_TEMPLATE] = {"--template", "FILE",
                        "a dialect of your own, as `bench template` prints one"},
    [BENCH_PID] = {"--pid", "PID", "the server's process, for its CPU time and memory"},
    [BENCH_CLIENTS] = {"--clients", "N[,N...]",
                       "who hears, speaks or asks; several: one run each (100; requests: 1; "
                       "stalled: 50)"},
    [BENCH_SESSIONS] = {"--sessions", "N[,N...]",
                        "chat and idle: so many sessions of --clients each (1; idle: none)"},
    [BENCH_JOINS] = {"--joins", "N", "chat and idle: each client is in N of the sessions (1)"},
    [BENCH_AGENTS] = {"--agents", "N", "requests: how many answer (1)"},
    [BENCH_WINDOW] = {"--window", "N",
                      "messages under way, all together (1; chat: a client; pairs: a pair)"},
    [BENCH_RATE] = {"--rate", "N",
                    "an open loop: N messages a second, however long they take (probe: 5; "
                    "stop: 1500)"},
    [BENCH_SIZE] = {"--size", "BYTES",
                    "of a message; of the JSON in a request (128; stalled: 1024)"},
    [BENCH_SECONDS] = {"--seconds", "S", "how long messages are sent (2; stop: 3)"},
    [BENCH_WARMUP] = {"--warmup", "S", "how long before that, unmeasured (0.5)"},
    [BENCH_MESSAGES] = {"--messages", "N", "how many are sent, instead of --seconds"},
    [BENCH_PAUSE] = {"--pause", "MS", "stop: how long the server stands still (100)"},
    [BENCH_DEFLATE] = {"--deflate", NULL,
                       "permessage-deflate is asked for, and the hub has to agree"},
    [BENCH_LABEL] = {"--label", "TEXT", "what this is called in --json and in plots"},
    [BENCH_JSON] = {"--json", NULL, "one JSON object on a line for each run"},
    [BENCH_SVG] = {"--svg", "FILE", "draw percentiles, and the cost of a delivery over members"},
    {0},
};

const struct word bench_words[] = {
    {"fanout", "one speaks, --clients others hear"},
    {"pipelined", "the same with 64 messages under way"},
    {"chat", "in each session all speak in turn, and all others hear"},
    {"pairs", "clients two by two answer each other"},
    {"requests", "clients ask, agents answer, clients hear the answer"},
    {"idle", "connections are held, or sessions; memory for each"},
    {"connect", "connections are opened; CPU time for each"},
    {"stalled", "clients read nothing while 10 MiB are said; memory"},
    {"probe", "how long two others wait while --clients hear a broadcast"},
    {"stop", "the server is stopped for --pause; how late messages get"},
    {"plot", "draw what --json printed, from standard input, to --svg"},
    {"template", "print a dialect, to begin one of your own with"},
    {0},
};

const char bench_synopsis[] =
    "fanout|pipelined|chat|pairs|requests|idle|connect|stalled|probe|stop|plot|template [FLAG...]";

const char bench_examples[] =
    "  % bench fanout --clients 1000 --pid \"$(pidof parley)\"\n"
    "  % bench pipelined --clients 10,100,1000 --svg cost.svg --pid \"$(pidof parley)\"\n"
    "  % bench requests --dialect gateway --window 16 --json\n"
    "  % bench fanout --rate 500 --clients 100\n"
    "  % bench chat --dialect gateway --sessions 1000 --clients 3 --joins 10 --window 100\n"
    "  % bench template --dialect plain > mine.txt\n"
    "  % bench pairs --template mine.txt --url ws://127.0.0.1:9000\n";

const char bench_about[] =
    "Puts a load on a hub and says what it cost the server: CPU time of all its threads for each\n"
    "delivery, with --pid; how long deliveries took, as percentiles; memory. Every delivery is\n"
    "checked: once, in order, unchanged. For figures that mean something give the server one CPU\n"
    "and this program another (taskset), and let nothing else run.\n"
    "\n"
    "Without --rate the loop is closed: --window messages are kept under way, and the next leaves\n"
    "when one has reached all. Such a loop asks less while it waits, so beside the percentiles as\n"
    "they were stand those corrected for what was left out, as if it had gone on to ask once each\n"
    "median time. With --rate the loop is open, and what a message took counts from when it was\n"
    "due. Percentiles are exact to 0.8 %.\n"
    "\n"
    "A dialect says by templates what is sent and how a delivery is recognised; any hub that\n"
    "passes texts on can be measured. `stop` sends SIGSTOP to --pid, and SIGCONT.\n"
    "\n"
    "The program is parley-bench, beside this one. Exit codes: 1 when a delivery was lost,\n"
    "repeated, out of turn or changed; 69 when the hub is not there or gives up.\n";
