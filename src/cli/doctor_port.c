#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/doctor.h"
#include "cli/lines.h"
#include "config/syntax.h"

/* Whether the port can be listened on, and who has it if not. */

enum { MAX_PATH = 512 };

/* --- who has it ------------------------------------------------------------------------------- */

enum { LOCAL = 1, STATE = 3, INODE = 9, FIELDS };

/* Splits a line of /proc/net/tcp at its spaces; returns whether it has as many fields. */
static bool split_line(struct str line, struct str ret_fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        while (line.len > 0 && line.ptr[0] == ' ') {
            line = str_slice(line, 1, line.len);
        }
        size_t len = str_find(line, ' ');
        ret_fields[i] = str_slice(line, 0, len);
        line = str_slice(line, len, line.len);
    }
    return ret_fields[INODE].len > 0;
}

/* The inode of the socket that listens on a port, by a table of /proc/net; or 0. */
static uint64_t find_inode(const char *table, uint16_t port)
{
    FILE *in = fopen(table, "re");
    struct str fields[FIELDS];
    uint64_t found = 0;
    struct buf line;
    char suffix[8];

    if (in == NULL) {
        return 0;
    }
    (void)snprintf(suffix, sizeof(suffix), ":%04X", (unsigned)port);
    buf_init(&line, 4096);
    while (found == 0 && lines_next(in, &line)) {
        if (split_line(buf_str(&line), fields) && str_equal(fields[STATE], STR("0A")) &&
            str_equal(str_slice(fields[LOCAL], str_find(fields[LOCAL], ':'), fields[LOCAL].len),
                      str_from_z(suffix))) {
            (void)str_to_uint(fields[INODE], UINT64_MAX, &found);
        }
    }
    buf_fini(&line);
    (void)fclose(in);
    return found;
}

static bool has_socket(const char *pid, uint64_t inode)
{
    char folder[MAX_PATH], wanted[64], path[2 * MAX_PATH], target[64];
    bool found = false;

    (void)snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
    (void)snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
    DIR *files = opendir(folder);
    if (files == NULL) {
        return false;
    }
    for (const struct dirent *file; !found && (file = readdir(files)) != NULL;) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, file->d_name);
        ssize_t len = readlink(path, target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            found = strcmp(target, wanted) == 0;
        }
    }
    (void)closedir(files);
    return found;
}

static void append_process(struct buf *out, const char *pid)
{
    char path[MAX_PATH];
    struct buf name;

    (void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    FILE *in = fopen(path, "re");
    buf_init(&name, 256);
    if (in != NULL) {
        (void)lines_next(in, &name);
        (void)fclose(in);
    }
    printable_append(out, name.len > 0 ? buf_str(&name) : STR("a process"));
    buf_printf(out, " (pid %s)", pid);
    buf_fini(&name);
}

void doctor_append_holder(struct buf *out, uint16_t port)
{
    uint64_t inode = find_inode("/proc/net/tcp", port);
    size_t before = out->len;

    if (inode == 0) {
        inode = find_inode("/proc/net/tcp6", port);
    }
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    if (processes != NULL) {
        for (const struct dirent *p; out->len == before && (p = readdir(processes)) != NULL;) {
            if (p->d_name[0] >= '1' && p->d_name[0] <= '9' && has_socket(p->d_name, inode)) {
                append_process(out, p->d_name);
            }
        }
        (void)closedir(processes);
    }
    if (out->len == before) {
        buf_append_str(out, STR("another program"));
    }
}

/* --- whether it is free ----------------------------------------------------------------------- */

/* Whether one address can be listened on: 0, or an errno. */
static int try_listen(int family, const void *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = family == AF_INET;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, error = 0;

    if (fd < 0) {
        return errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (is_v4) {
        memcpy(&v4.sin_addr, address, sizeof(v4.sin_addr));
    } else {
        memcpy(&v6.sin6_addr, address, sizeof(v6.sin6_addr));
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
             is_v4 ? sizeof(v4) : sizeof(v6)) != 0 ||
        listen(fd, 1) != 0) {
        error = errno;
    }
    (void)close(fd);
    return error;
}

/* The address that serve listens on, or one of them; `ret_host` is how to reach it. */
static int try_bind(const char *bind, uint16_t port, char ret_host[INET6_ADDRSTRLEN + 2])
{
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    struct in6_addr v6;

    (void)snprintf(ret_host, INET6_ADDRSTRLEN + 2, "127.0.0.1");
    if (syntax_bind(str_from_z(bind)) == BIND_LOOPBACK) {
        return try_listen(AF_INET, &v4, port);
    }
    if (strcmp(bind, "all") == 0) {
        v4.s_addr = htonl(INADDR_ANY);
        return try_listen(AF_INET, &v4, port);
    }
    if (inet_pton(AF_INET, bind, &v4) == 1) {
        if (v4.s_addr != htonl(INADDR_ANY)) {
            (void)inet_ntop(AF_INET, &v4, ret_host, INET6_ADDRSTRLEN);
        }
        return try_listen(AF_INET, &v4, port);
    }
    if (inet_pton(AF_INET6, bind, &v6) == 1) {
        char text[INET6_ADDRSTRLEN];
        (void)inet_ntop(AF_INET6, &v6, text, sizeof(text));
        (void)snprintf(ret_host, INET6_ADDRSTRLEN + 2, "[%s]",
                       strcmp(text, "::") == 0 ? "::1" : text);
        return try_listen(AF_INET6, &v6, port);
    }
    return EADDRNOTAVAIL;
}

/* The port is taken: by a gateway, which the other checks then ask, or by somebody else. */
static void judge_holder(struct doctor *d, struct finding *f, const char *host, uint16_t port)
{
    struct buf holder, said;

    buf_init(&holder, 1024);
    buf_init(&said, 4096);
    doctor_append_holder(&holder, port);
    bool is_tls = config_text(&d->config, OPTION_LISTEN_TLS_CERT)[0] != '\0';
    buf_printf(&d->url_text, "http%s://%s:%u", is_tls ? "s" : "", host, (unsigned)port);
    if (url_parse(buf_str(&d->url_text), &d->gateway.url, &said)) {
        d->is_served = doctor_ask(d, &said) == ANSWER_PARLEY;
    }
    if (d->is_served) {
        doctor_ok(f, "%u is held by a running gateway, %.*s", (unsigned)port,
                  STR_ARG(buf_str(&holder)));
    } else if (is_tls) {
        doctor_warn(f,
                    "ask it by a name that its certificate is for: --url https://NAME:PORT, with "
                    "SSL_CERT_FILE=FILE in the environment where this machine does not know who "
                    "signed it; if it is another program, stop that",
                    "%u is held by %.*s: %.*s", (unsigned)port, STR_ARG(buf_str(&holder)),
                    STR_ARG(buf_str(&said)));
    } else {
        doctor_fail(f, "stop that program, or set listen.port to another port",
                    "%u is taken by %.*s: %.*s", (unsigned)port, STR_ARG(buf_str(&holder)),
                    STR_ARG(buf_str(&said)));
    }
    buf_fini(&said);
    buf_fini(&holder);
}

/* The port that the configuration names is free, or a gateway has it. */
void doctor_port(struct doctor *d, struct finding *f)
{
    const char *bind = config_text(&d->config, OPTION_LISTEN_BIND);
    uint16_t port = (uint16_t)config_number(&d->config, OPTION_LISTEN_PORT);
    char host[INET6_ADDRSTRLEN + 2];

    if (port == 0) {
        doctor_ok(f, "any that is free");
        return;
    }
    int error = try_bind(bind, port, host);
    switch (error) {
    case 0:
        doctor_ok(f, "%u is free; no gateway runs there", (unsigned)port);
        break;
    case EADDRINUSE:
        judge_holder(d, f, host, port);
        break;
    case EACCES:
        doctor_fail(f,
                    "choose a listen.port above 1023, or give the gateway the capability "
                    "(AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit)",
                    "%u may not be taken by this user", (unsigned)port);
        break;
    case EADDRNOTAVAIL:
        doctor_fail(f, "`ip address` lists those that it has; `all` means every one",
                    "this machine has no address %s (listen.bind)", bind);
        break;
    default:
        doctor_fail(f, "choose another listen.bind or listen.port",
                    "%s port %u cannot be listened on: %s", bind, (unsigned)port, strerror(error));
    }
}
