/* The states of a session, and their one writer. */
#include "session/session.h"

#include "base/mem.h"

static const char *const names[] = {
#define NAME(name, text) [PERCH_STATE_##name] = text,
    PERCH_STATES(NAME)
#undef NAME
};

const char *perch_state_name(enum perch_state state)
{
    return (size_t)state < PERCH_COUNT(names) ? names[state] : "";
}

void perch_sess_goto(perch_session *s, enum perch_state next)
{
    enum perch_state from = s->state;

    if (from == next)
        return;
    s->state = next;
    if (next == PERCH_STATE_AUTHENTICATED)
        s->let_in = true;
    perch_sess_set_limits(s);
    if (s->hooks.on_state && !s->doomed)
        s->hooks.on_state(s, from, next, s->user);
}

/* States that pass by themselves, as the one they lead to. */
static enum perch_state settled(enum perch_state state)
{
    switch (state) {
    case PERCH_STATE_GREETING:
    case PERCH_STATE_NOT_AUTHENTICATED:
    case PERCH_STATE_SWITCHING:
        return PERCH_STATE_NOT_AUTHENTICATED;
    case PERCH_STATE_AUTHENTICATING:
    case PERCH_STATE_AUTHENTICATED:
        return PERCH_STATE_AUTHENTICATED;
    case PERCH_STATE_SELECTING:
    case PERCH_STATE_SELECTED:
        return PERCH_STATE_SELECTED;
    case PERCH_STATE_LOGOUT:
        return PERCH_STATE_LOGOUT;
    case PERCH_STATE_CLOSED:
        break;
    }
    return PERCH_STATE_CLOSED;
}

static enum perch_state led_to(unsigned states)
{
    enum perch_state state = PERCH_STATE_GREETING;

    while (states >>= 1)
        state++;
    return state;
}

enum perch_state perch_sess_projected(const perch_session *s)
{
    enum perch_state state = settled(s->state);

    PERCH_LIST_EACH(&s->ops, struct perch_op, link, op)
        if (op->type->leads_to)
            state = led_to(op->type->leads_to);
    return state;
}
