#ifndef PARLEY_CLI_DOCTOR_H
#define PARLEY_CLI_DOCTOR_H

/*
 * What `parley doctor` looks at: a table of checks, each of which finds one thing and, where it is
 * not well, says how to mend it. A later check may build upon what an earlier one has found.
 */

#include "cli/address.h"
#include "cli/remote.h"
#include "config/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct finding {
    enum doctor_level level;
    struct buf found; /* what is so */
    struct buf fix;   /* what to do about it; empty when it is well */
};

enum { DOCTOR_MAX_SETS = 64, DOCTOR_TIMEOUT_MS = 3000 };

struct doctor {
    /* The flags. */
    const char *config_file;
    const char *url;        /* or of PARLEY_URL; NULL: the gateway that the configuration means */
    const char *token_file; /* or NULL */
    const char *token;      /* of PARLEY_TOKEN; NULL: none */
    struct config_flag sets[DOCTOR_MAX_SETS];
    size_t set_count;
    /* What was found. */
    struct config config;
    bool is_configured; /* it was loaded and passes */
    struct address gateway;
    struct buf url_text; /* what gateway.url borrows from, when it is made of the configuration */
    bool is_served;      /* a Parley gateway answers there */
};

/* What must hold for a check to be made; else it is left out. */
enum doctor_need {
    NEEDS_NOTHING,
    NEEDS_CONFIG,  /* the configuration passes */
    NEEDS_URL,     /* a URL was given */
    NEEDS_NO_URL,  /* the configuration passes, and no URL was given */
    NEEDS_GATEWAY, /* a gateway answers */
};

struct doctor_check {
    const char *name;
    enum doctor_need need;
    void (*run)(struct doctor *d, struct finding *f); /* f is "ok" with nothing in it at first */
};

/* Says that all is well. */
void doctor_ok(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says what is wrong, and `fix` what to do. What is not printable is escaped. */
void doctor_warn(struct finding *f, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_fail(struct finding *f, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The checks, by what they are about; each is described where it is. */
void doctor_configuration(struct doctor *d, struct finding *f);
void doctor_access(struct doctor *d, struct finding *f);
void doctor_tokens(struct doctor *d, struct finding *f);
void doctor_password(struct doctor *d, struct finding *f);
void doctor_tls(struct doctor *d, struct finding *f);
void doctor_credential(struct doctor *d, struct finding *f);
void doctor_clock(struct doctor *d, struct finding *f);
void doctor_descriptors(struct doctor *d, struct finding *f);
void doctor_memory(struct doctor *d, struct finding *f);
void doctor_unix(struct doctor *d, struct finding *f);
void doctor_sandbox(struct doctor *d, struct finding *f);
void doctor_port(struct doctor *d, struct finding *f);
void doctor_gateway(struct doctor *d, struct finding *f);
void doctor_upgrade(struct doctor *d, struct finding *f);
void doctor_status(struct doctor *d, struct finding *f);

/* Who answers at d->gateway. */
enum doctor_answer {
    ANSWER_PARLEY,
    ANSWER_NOBODY, /* no connection */
    ANSWER_SILENT, /* a connection, and no answer in DOCTOR_TIMEOUT_MS */
    ANSWER_OTHER,  /* some other program */
};

/* Asks; `said`, an empty buffer, gets a sentence when it is not a Parley gateway. */
enum doctor_answer doctor_ask(const struct doctor *d, struct buf *said);

/*
 * The process that listens on a TCP port of this machine, where /proc tells: appends "nginx (pid
 * 12)" or else "another program".
 */
void doctor_append_holder(struct buf *out, uint16_t port);

#endif
