/* The engine process: IMAP connections, synchronisation, store, control connections. It
 * never runs a program. */
#ifndef PERCHD_ENGINE_H
#define PERCHD_ENGINE_H

/* `fd` is the channel to the runner. Returns the exit status. */
int engine_main(int fd);

#endif
