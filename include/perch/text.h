/* Text as mail writes it, to and from UTF-8. Pure functions; what they return is
 * allocated and freed by the caller with perch_text_free(). */
#ifndef PERCH_TEXT_H
#define PERCH_TEXT_H

#include "perch/response.h"
#include "perch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

PERCH_API void perch_text_free(char *p);

/* Modified UTF-7 (RFC 3501 5.1.3), as mailbox names travel without UTF8=ACCEPT.
 * Decoding is total: what is not valid modified UTF-7 is copied as it stands.
 * *ret_exact says whether encoding the result gives the very same bytes back; if
 * not, keep the raw name to address the mailbox. Raw bytes that are not UTF-8
 * become U+FFFD. Encoding is total for valid UTF-8; invalid bytes are PERCH_EINVAL.
 * Results are NUL-terminated, *ret_len does not count the NUL.
 * (IMAPClient: imap_utf7.decode, imap_utf7.encode) */
PERCH_API int perch_mutf7_decode(struct perch_span name, char **ret_utf8, size_t *ret_len,
                                 bool *ret_exact);
PERCH_API int perch_mutf7_encode(struct perch_span utf8, char **ret_name, size_t *ret_len);

/* A header value (RFC 2047) to UTF-8: encoded words decoded, the blanks between
 * adjacent ones dropped, a character split over two words joined, folding undone.
 * A word with an unknown charset or broken encoding stays as it is written; raw
 * 8-bit text is taken as UTF-8 if it is, else as windows-1252; no output byte is
 * ever invalid UTF-8, undecodable bytes are U+FFFD; line ends and NULs in a word become
 * blanks, so that the result is one line. Output stops at 64 KiB and *ret_truncated (may be
 * NULL) is set. PERCH_ENOMEM is the only error. */
PERCH_API int perch_rfc2047_decode(struct perch_span value, char **ret_utf8, size_t *ret_len,
                                   bool *ret_truncated);

/* Any bytes in `charset` (an IANA name) to valid UTF-8, undecodable ones as U+FFFD.
 * An unknown charset is PERCH_EINVAL. As in browsers, ISO-8859-1 is read as windows-1252 and
 * the East Asian charsets as their larger forms, because senders mean those. */
PERCH_API int perch_charset_decode(struct perch_span bytes, struct perch_span charset,
                                   char **ret_utf8, size_t *ret_len);

/* RFC 2231 and RFC 2047 parameter values in a parsed structure: joins name*0*,
 * decodes charset'lang'%XX, falls back to RFC 2047. NULL in *ret_utf8 when the
 * parameter is absent. */
PERCH_API int perch_param_decode(const struct perch_param *params, size_t nparams,
                                 const char *name, char **ret_utf8, size_t *ret_len);

/* "Fri, 21 Nov 1997 09:55:06 -0600 (CST)" and the forms seen in the wild: no week
 * day, two-digit years (68 -> 2068, 69 -> 1969), no seconds, dots in the time, zone
 * names, a zone without sign, comments. */
PERCH_API struct perch_time perch_date_parse(struct perch_span header_date);

/* INTERNALDATE: "17-Jul-1996 02:44:25 -0700", the day padded with a blank or not. */
PERCH_API struct perch_time perch_internaldate_parse(struct perch_span text);

/* Writes "17-Jul-1996 02:44:25 -0700" (26 characters and a NUL). */
#define PERCH_INTERNALDATE_SIZE 27
PERCH_API void perch_internaldate_format(struct perch_time t, char out[PERCH_INTERNALDATE_SIZE]);

/* Writes "2026-11-22T23:58:31Z" (UTC) and a NUL; years outside 0 to 9999 are clamped. */
#define PERCH_ISO_SIZE 25
PERCH_API void perch_iso_format(int64_t unix_s, char out[PERCH_ISO_SIZE]);

/* One address list as people read it: `Name <box@host>, ...`, groups as
 * `Group: a@b, c@d;`. Names are decoded, and quoted if they hold a comma or the like; an
 * address without a host is `box`.
 * (IMAPClient: str(Address)) */
PERCH_API int perch_addresses_format(const struct perch_address *a, size_t n, char **ret_utf8,
                                     size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
