#ifndef PARLEY_BASE_LIST_H
#define PARLEY_BASE_LIST_H

/*
 * A doubly linked list threaded through its elements. The head is a link of its own; a list is a
 * ring, so that no operation has a special case. A link that is in no list points to itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
    struct list *prev;
    struct list *next;
};

/* The element that contains `link` as its `member`. */
#define list_entry(link, type, member)                                                             \
    ((type *)(void *)((char *)(uintptr_t)(link)-offsetof(type, member)))

/* Walks from the first element; `link` may not be removed by the body (use list_each_safe). */
/* NOLINTBEGIN(bugprone-macro-parentheses): `link` is declared here, and a name takes none. */
#define list_each(link, head)                                                                      \
    for (struct list *link = (head)->next; link != (head); link = link->next)
#define list_each_safe(link, head)                                                                 \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);              \
         link = link##_next, link##_next = link->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *link)
{
    link->prev = link;
    link->next = link;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

/* Puts `link` before `where`: at the end of the list when `where` is its head. */
static inline void list_insert_before(struct list *where, struct list *link)
{
    link->prev = where->prev;
    link->next = where;
    where->prev->next = link;
    where->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}

/* Takes `link` out of its list, if it is in one. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

#endif
