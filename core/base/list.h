/* Doubly linked list: the links live inside the elements.
 *
 *   struct op { struct perch_link link; ... };
 *   struct perch_list queue = PERCH_LIST_INIT(queue);
 *   perch_list_add(&queue, &op->link);
 *   PERCH_LIST_EACH(&queue, struct op, link, op) ...        op may be removed inside
 *
 * An unlinked element has link.next == NULL; unlinking twice is harmless. */
#ifndef PERCH_BASE_LIST_H
#define PERCH_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct perch_link {
    struct perch_link *prev, *next;
};

struct perch_list {
    struct perch_link head;
};

#define PERCH_LIST_INIT(name)                                                                      \
    {                                                                                              \
        {                                                                                          \
            &(name).head, &(name).head                                                             \
        }                                                                                          \
    }

static inline void perch_list_init(struct perch_list *l)
{
    l->head.prev = l->head.next = &l->head;
}

static inline bool perch_list_empty(const struct perch_list *l)
{
    return l->head.next == &l->head;
}

static inline void perch_list_insert(struct perch_link *before, struct perch_link *e)
{
    e->next = before;
    e->prev = before->prev;
    before->prev->next = e;
    before->prev = e;
}

static inline void perch_list_add(struct perch_list *l, struct perch_link *e)
{
    perch_list_insert(&l->head, e);
}

static inline void perch_list_push_front(struct perch_list *l, struct perch_link *e)
{
    perch_list_insert(l->head.next, e);
}

static inline bool perch_linked(const struct perch_link *e)
{
    return e->next != NULL;
}

static inline void perch_unlink(struct perch_link *e)
{
    if (!e->next)
        return;
    e->next->prev = e->prev;
    e->prev->next = e->next;
    e->prev = e->next = NULL;
}

#define PERCH_CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define PERCH_LIST_FIRST(l, type, member)                                                          \
    (perch_list_empty(l) ? NULL : PERCH_CONTAINER((l)->head.next, type, member))
#define PERCH_LIST_EACH(l, type, member, var)                                                      \
    for (struct perch_link *var##_at_ = (l)->head.next, *var##_next_ = var##_at_->next;            \
         var##_at_ != &(l)->head; var##_at_ = var##_next_, var##_next_ = var##_next_->next)        \
        for (type *var = PERCH_CONTAINER(var##_at_, type, member), *var##_once_ = var;             \
             var##_once_; var##_once_ = NULL)

#endif
