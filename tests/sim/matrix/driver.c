#include "driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "../faults.h"

/* --- ports: they run inside of the bridge, where memory may fail -------------------------------
 */

static struct str copy_text(struct str text, bool *ok)
{
    char *copy = malloc(text.len + 1);

    *ok = *ok && copy != NULL;
    if (copy == NULL) {
        return (struct str){0};
    }
    memcpy(copy, text.len > 0 ? text.ptr : "", text.len);
    return str_make(copy, text.len);
}

static void free_text(struct str *text)
{
    free((char *)(uintptr_t)text->ptr);
    *text = (struct str){0};
}

static bool port_save(void *owner, const struct bridge_row *row)
{
    struct driver *d = owner;
    bool ok = true;

    if (d->row_count == d->row_cap) {
        size_t cap = d->row_cap == 0 ? 64 : d->row_cap * 2;
        struct row *rows = realloc(d->rows, cap * sizeof(*rows));
        if (rows == NULL) {
            return false;
        }
        d->rows = rows;
        d->row_cap = cap;
    }
    struct row *copy = &d->rows[d->row_count];
    *copy = (struct row){.table = row->table};
    copy->key = copy_text(row->key, &ok);
    copy->value = copy_text(row->value, &ok);
    if (!ok) {
        free_text(&copy->key);
        free_text(&copy->value);
        return false;
    }
    d->row_count++;
    return true;
}

static struct str put(char **at, struct str text)
{
    struct str copy = str_make(*at, text.len);

    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return copy;
}

static bool port_act(void *owner, const struct bridge_action *a)
{
    struct driver *d = owner;
    struct bridge_action copy = *a;
    struct str *texts[] = {&copy.room,       &copy.event_id,        &copy.thread,
                           &copy.type,       &copy.txn_id,          &copy.content,
                           &copy.model,      &copy.idempotency_key, &copy.session_name,
                           &copy.session_id, &copy.conversation,    &copy.question,
                           &copy.history,    &copy.sender};
    size_t bytes = 1;

    if (d->act_count == d->act_cap) {
        size_t cap = d->act_cap == 0 ? 64 : d->act_cap * 2;
        struct act *acts = realloc(d->acts, cap * sizeof(*acts));
        if (acts == NULL) {
            return false;
        }
        d->acts = acts;
        d->act_cap = cap;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bytes += texts[i]->len;
    }
    char *block = malloc(bytes);
    if (block == NULL) {
        return false;
    }
    char *at = block;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = put(&at, *texts[i]);
    }
    d->acts[d->act_count++] = (struct act){.action = copy, .texts = block};
    return true;
}

static void port_random(void *owner, void *bytes, size_t len)
{
    struct driver *d = owner;

    for (size_t i = 0; i < len; i++) {
        d->random ^= d->random << 13;
        d->random ^= d->random >> 7;
        d->random ^= d->random << 17;
        ((uint8_t *)bytes)[i] = (uint8_t)(d->random >> 24);
    }
}

static void port_log(void *owner, unsigned level, const char *event, struct str about,
                     struct str details)
{
    (void)owner;
    (void)level;
    (void)about;
    (void)details;
    assert(event != NULL);
}

/* --- the disk --------------------------------------------------------------------------------- */

static struct str disk_key(enum bridge_table table, struct str key, char *buffer, size_t cap)
{
    assert(key.len + 2 < cap);
    buffer[0] = (char)('0' + (int)table);
    memcpy(buffer + 1, key.ptr, key.len);
    return str_make(buffer, key.len + 1);
}

static void commit_row(struct driver *d, struct row *row)
{
    char buffer[1024];
    uint32_t number = names_add(&d->keys, disk_key(row->table, row->key, buffer, sizeof(buffer)));

    if (number >= d->disk_cap) {
        size_t cap = (number + 1) * 2;
        d->disk = realloc(d->disk, cap * sizeof(*d->disk));
        assert(d->disk != NULL);
        memset(d->disk + d->disk_cap, 0, (cap - d->disk_cap) * sizeof(*d->disk));
        d->disk_cap = cap;
    }
    struct row *place = &d->disk[number];
    if (place->value.ptr != NULL) {
        free_text(&place->key);
        free_text(&place->value);
    }
    *place = *row;
    if (row->value.len == 0) {
        free_text(&place->value);
    }
    d->hooks.committed(d->hooks.ctx, row);
    if (row->value.len == 0) {
        free_text(&place->key);
    }
}

const struct row *driver_row(const struct driver *d, enum bridge_table table, struct str key)
{
    char buffer[1024];
    uint32_t number = names_find(&d->keys, disk_key(table, key, buffer, sizeof(buffer)));

    return number == NO_NAME || d->disk[number].value.ptr == NULL ? NULL : &d->disk[number];
}

size_t driver_rows(const struct driver *d, enum bridge_table table)
{
    size_t count = 0;

    for (uint32_t i = 0; i < d->keys.count; i++) {
        count += d->disk[i].value.ptr != NULL && d->disk[i].table == table;
    }
    return count;
}

static int by_key(const void *a, const void *b)
{
    const struct row *left = *(struct row *const *)a;
    const struct row *right = *(struct row *const *)b;
    bool is_number = left->table == TABLE_SESSION || left->table >= TABLE_TURN;

    if (left->table != right->table) {
        return left->table < right->table ? -1 : 1;
    }
    if (is_number && left->key.len != right->key.len) {
        return left->key.len < right->key.len ? -1 : 1;
    }
    size_t len = left->key.len < right->key.len ? left->key.len : right->key.len;
    int order = memcmp(left->key.ptr, right->key.ptr, len);
    return order != 0 ? order : (left->key.len > right->key.len) - (left->key.len < right->key.len);
}

static void restore(struct driver *d)
{
    struct row **all = malloc((d->keys.count + 1) * sizeof(struct row *));
    size_t count = 0;

    assert(all != NULL);
    for (uint32_t i = 0; i < d->keys.count; i++) {
        if (d->disk[i].value.ptr != NULL) {
            all[count++] = &d->disk[i];
        }
    }
    qsort(all, count, sizeof(struct row *), by_key);
    for (size_t i = 0; i < count; i++) {
        struct bridge_row row = {
            .table = all[i]->table, .key = all[i]->key, .value = all[i]->value};
        struct buf error;
        buf_init(&error, 4096);
        if (!bridge_restore(d->bridge, &row, &error)) {
            fprintf(stderr, "sim: a row that was kept is not taken: %.*s: %.*s\n",
                    STR_ARG(buf_str(&error)), STR_ARG(row.value));
            abort();
        }
        buf_fini(&error);
    }
    free(all);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void forget_step(struct driver *d)
{
    for (size_t i = 0; i < d->row_count; i++) {
        free_text(&d->rows[i].key);
        free_text(&d->rows[i].value);
    }
    for (size_t i = 0; i < d->act_count; i++) {
        free(d->acts[i].texts);
    }
    d->row_count = 0;
    d->act_count = 0;
}

void driver_enter(struct driver *d)
{
    fault_rate(d->fault_rate);
}

void driver_leave(struct driver *d)
{
    (void)d;
    fault_rate(0);
}

static void die(struct driver *d)
{
    d->kills++;
    forget_step(d);
    bridge_free(d->bridge);
    d->bridge = NULL;
    d->hooks.killed(d->hooks.ctx);
}

static bool strikes(struct driver *d, unsigned danger)
{
    return danger > 0 && d->hooks.draw(d->hooks.ctx, danger) == 0;
}

static void carry_out(struct driver *d, unsigned danger)
{
    for (size_t i = 0; i < d->act_count; i++) {
        if (strikes(d, danger)) {
            die(d);
            return;
        }
        d->hooks.acted(d->hooks.ctx, &d->acts[i].action);
    }
    forget_step(d);
}

/* Returns false when the process has died. */
static bool settle(struct driver *d, unsigned danger)
{
    driver_enter(d);
    bool is_settled = bridge_settle(d->bridge);
    driver_leave(d);
    if (!is_settled) {
        assert(d->fault_rate > 0);
        d->starved++;
    }
    if (!is_settled || strikes(d, danger)) {
        d->hooks.step_ended(d->hooks.ctx, false);
        die(d);
        return false;
    }
    for (size_t i = 0; i < d->row_count; i++) {
        commit_row(d, &d->rows[i]);
    }
    d->row_count = 0;
    d->hooks.step_ended(d->hooks.ctx, true);
    carry_out(d, danger);
    return d->bridge != NULL;
}

void driver_start(struct driver *d, unsigned danger)
{
    struct bridge_ports ports = {
        .owner = d, .save = port_save, .act = port_act, .random = port_random, .log = port_log};
    unsigned rate = d->fault_rate;

    do {
        d->fault_rate = 0;
        d->bridge = bridge_new(&d->settings, &ports, d->now);
        assert(d->bridge != NULL);
        restore(d);
        d->fault_rate = danger > 0 ? rate : 0;
        driver_enter(d);
        bridge_start(d->bridge);
        driver_leave(d);
    } while (!settle(d, danger));
    d->fault_rate = rate;
}

void driver_settle(struct driver *d, unsigned danger)
{
    if (!settle(d, danger)) {
        driver_start(d, danger);
    }
}

void driver_kill(struct driver *d, unsigned danger)
{
    d->hooks.step_ended(d->hooks.ctx, false);
    die(d);
    driver_start(d, danger);
}

void driver_init(struct driver *d, const struct bridge_settings *settings,
                 const struct driver_hooks *hooks, struct bridge_time now, uint64_t seed)
{
    *d = (struct driver){.settings = *settings,
                         .hooks = *hooks,
                         .now = now,
                         .random = seed * 0x9e3779b97f4a7c15u + 1};
}

void driver_fini(struct driver *d)
{
    forget_step(d);
    bridge_free(d->bridge);
    for (uint32_t i = 0; i < d->keys.count; i++) {
        if (d->disk[i].value.ptr != NULL) {
            free_text(&d->disk[i].key);
            free_text(&d->disk[i].value);
        }
    }
    names_fini(&d->keys);
    free(d->disk);
    free(d->rows);
    free(d->acts);
}
