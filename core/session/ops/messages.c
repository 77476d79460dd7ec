#include "session/ops/messages.h"

#include "base/mem.h"

void perch_messages_put(const struct perch_messages *m, struct perch_cmd *cmd, const char *word)
{
    size_t fit = m->whole ? m->set.n : perch_enc_set_fit(&m->set, m->next, PERCH_SET_BYTES);
    struct perch_set piece = {.r = m->set.r + m->next, .n = fit};

    cmd->from = m->next;
    cmd->upto = m->next + fit;
    perch_enc_word(&cmd->enc, m->seq ? "" : "UID ");
    perch_enc_word(&cmd->enc, word);
    perch_enc_sp(&cmd->enc);
    perch_enc_set(&cmd->enc, &piece);
}

bool perch_messages_begun(struct perch_messages *m, const struct perch_cmd *cmd)
{
    m->next = cmd->upto;
    return !perch_messages_left(m);
}

bool perch_messages_has(const struct perch_messages *m, const struct perch_fetch *row)
{
    uint32_t number = m->seq ? row->seq : row->uid;

    return number && perch_set_has(&m->set, number);
}

bool perch_set_within(const struct perch_set *part, const struct perch_set *whole)
{
    size_t j = 0;

    for (size_t i = 0; i < part->n; i++) {
        while (j < whole->n && whole->r[j].last < part->r[i].first)
            j++;
        if (j == whole->n || whole->r[j].first > part->r[i].first ||
            whole->r[j].last < part->r[i].last)
            return false;
    }
    return true;
}

struct perch_flags_arg perch_flags_copy(perch_op *op, struct perch_flags_arg flags)
{
    struct perch_span *names = perch_arena_array(&op->arena, flags.n, sizeof *names);

    if (!names)
        (void)perch_op_fail(op, PERCH_ENOMEM, "out of memory");
    if (flags.bits & PERCH_FLAG_RECENT)
        (void)perch_op_fail(op, PERCH_EINVAL, "\\Recent is set by servers alone");
    for (size_t i = 0; names && i < flags.n; i++)
        names[i] = perch_op_copy(op, flags.names[i]);
    flags.names = names;
    return flags;
}

void perch_flags_put(struct perch_enc *e, struct perch_flags_arg flags)
{
    bool first = true;

    perch_enc_char(e, '(');
    for (uint32_t bit = 1; bit && flags.bits >= bit; bit <<= 1) {
        if (!(flags.bits & bit))
            continue;
        if (!first)
            perch_enc_sp(e);
        perch_enc_flag(e, perch_span_of(perch_flag_name((enum perch_flag)bit)));
        first = false;
    }
    for (size_t i = 0; i < flags.n; i++) {
        if (!first)
            perch_enc_sp(e);
        perch_enc_flag(e, flags.names[i]);
        first = false;
    }
    perch_enc_char(e, ')');
}
