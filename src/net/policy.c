#include "net/policy.h"

#include <stdlib.h>

#include "base/printable.h"
#include "http/origin.h"

static size_t count_elements(struct str list, size_t *text_len)
{
    struct str element;
    size_t count = 0;

    while (http_list_next(&list, &element)) {
        *text_len += element.len;
        count++;
    }
    return count;
}

static void free_policy(struct shared *shared)
{
    tls_unref(net_policy_of(shared)->tls);
    free(shared);
}

/* Says which element is wrong, and what it should have been. */
static bool complain(struct buf *error, const char *option, struct str element, const char *rule)
{
    buf_append_str(error, str_from_z(option));
    buf_append_str(error, STR(": \""));
    printable_append(error, element);
    buf_append_str(error, STR("\" "));
    buf_append_str(error, str_from_z(rule));
    return false;
}

/* Copies the elements of a list to *text, and moves that on. */
static void copy_elements(struct str list, struct str *ret_elements, char **text)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        memcpy(*text, element.ptr, element.len);
        *ret_elements++ = str_make(*text, element.len);
        *text += element.len;
    }
}

static bool check_origins(struct str list, struct buf *error)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (!http_origin_pattern_valid(element)) {
            return complain(error, "origins", element,
                            "is no origin; write scheme://host or scheme://host:port, where * may "
                            "stand in the host or for the port");
        }
    }
    return true;
}

static bool check_hosts(struct str list, struct buf *error)
{
    struct str element, name, port;

    while (http_list_next(&list, &element)) {
        if (!http_host_split(element, &name, &port) || name.len != element.len) {
            return complain(error, "listen.hosts", element,
                            "is no host name; write it without a port, as parley.example.org");
        }
    }
    return true;
}

static bool parse_proxies(struct str list, struct http_network *ret_proxies, struct buf *error)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (!http_network_parse(element, ret_proxies++)) {
            return complain(error, "trusted_proxies", element,
                            "is no address or network; write 192.0.2.1 or 10.0.0.0/8, with no bits "
                            "set behind the prefix");
        }
    }
    return true;
}

void net_policy_source_init(struct net_policy_source *s)
{
    *s = (struct net_policy_source){
        .origins = STR("http://localhost:*, http://127.0.0.1:*, http://[::1]:*"),
        .check_host = true,
        .max_message_bytes = 1024 * 1024,
        .max_frame_bytes = 10 * 1024 * 1024,
        .max_backlog = 2 * 1024 * 1024};
}

struct net_policy *net_policy_new(const struct net_policy_source *source, struct buf *error)
{
    size_t text_len = 0;
    size_t origin_count = count_elements(source->origins, &text_len);
    size_t host_count = count_elements(source->hosts, &text_len);
    size_t proxy_count = count_elements(source->proxies, &(size_t){0});
    struct net_policy *p = malloc(sizeof(*p) + (origin_count + host_count) * sizeof(struct str) +
                                  proxy_count * sizeof(struct http_network) + text_len);

    if (p == NULL) {
        buf_append_str(error, STR("there is no memory for the network's policy"));
        tls_unref(source->tls);
        return NULL;
    }
    struct str *origins = (struct str *)(void *)(p + 1);
    struct str *hosts = origins + origin_count;
    struct http_network *proxies = (struct http_network *)(void *)(hosts + host_count);
    char *text = (char *)(proxies + proxy_count);
    *p = (struct net_policy){.origins = origins,
                             .origin_count = origin_count,
                             .trust = {proxies, proxy_count, hosts, host_count},
                             .check_host = source->check_host,
                             .wants_credential = source->wants_credential,
                             .compression = source->compression,
                             .max_message_bytes = source->max_message_bytes,
                             .max_frame_bytes = source->max_frame_bytes,
                             .max_backlog = source->max_backlog,
                             .tls = source->tls};
    shared_init(&p->shared, free_policy);
    copy_elements(source->origins, origins, &text);
    copy_elements(source->hosts, hosts, &text);
    if (!check_origins(source->origins, error) || !check_hosts(source->hosts, error) ||
        !parse_proxies(source->proxies, proxies, error)) {
        net_policy_unref(p);
        return NULL;
    }
    return p;
}
