#!/bin/bash
# Who may include whom: the walls of core/README.md and daemon/README.md, kept by ctest.
#   tests/layers.sh [SOURCE-TREE]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2
bad=0

complain() { echo "$1" >&2; bad=1; }

# Which rooms a room of core/ may name beside itself, and which public headers.
declare -A rooms=(
    [base]=""
    [wire]="base"
    [sasl]="base"
    [session]="wire sasl base"
    [net]="base"
    [client]="session net wire base"
)
declare -A public=(
    [base]="types error version"
    [wire]="types error response search set text"
    [sasl]="types error"
    [session]="types error response search set text session commands change mailbox order admin raw"
    [net]="types error trust"
    [client]="types error response search set text session commands change mailbox order admin raw trust client"
)

# Which files may open a third-party door: pattern of the header, then of the files.
doors='
ares\.h                 core/net/
event2/                 core/net/|daemon/(main\.c|engine/|control/|runner/|http/|ipc/|cli/|store/writer\.c|hooks/outbox\.c)
gnutls/                 core/net/(tls|trust)\.c
gsasl\.h                core/sasl/
sqlite3\.h              daemon/store/
yaml\.h                 daemon/config/yaml\.c
jansson\.h              daemon/
curl/                   daemon/http/
systemd/                daemon/
seccomp\.h              daemon/
'

for room in "${!rooms[@]}"; do
    [ -d "core/$room" ] || continue
    while IFS=: read -r file line include; do
        name=${include#*\"}; name=${name%\"*}
        first=${name%%/*}
        if [ "$first" = perch ]; then
            header=${name#perch/}; header=${header%.h}
            case " ${public[$room]} " in *" $header "*) continue ;; esac
        else
            case " $room ${rooms[$room]} " in *" $first "*) continue ;; esac
        fi
        complain "$file:$line: core/$room must not include \"$name\""
    done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "core/$room" --include='*.[ch]')
done

# daemon/ stands on the public headers and base; public headers on each other and libc.
while IFS=: read -r file line include; do
    name=${include#*\"}; name=${name%\"*}
    case $name in wire/*|sasl/*|session/*|net/*|client/*)
        complain "$file:$line: daemon/ must not include \"$name\" of core/" ;;
    esac
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' daemon --include='*.[ch]')
while IFS=: read -r file line include; do
    name=${include#*[\"<]}; name=${name%[\">]*}
    case $name in perch/*|std*.h|string.h|sys/types.h) ;; *)
        complain "$file:$line: a public header must not include $name" ;;
    esac
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' include --include='*.h')

while read -r header files; do
    [ -n "$header" ] || continue
    while IFS=: read -r file line _; do
        [[ $file =~ ^($files) ]] ||
            complain "$file:$line: <$header> has another door: ${files//\\/}"
    done < <(grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+<$header" core daemon --include='*.[ch]')
done <<< "$doors"

# Sockets are read and written in net/ alone; the allocator is base/mem.
while IFS=: read -r file line _; do
    complain "$file:$line: recv and send belong to core/net"
done < <(grep -rnE '[^_[:alnum:]](recv|send|recvmsg|sendmsg)\(' core --include='*.c' | grep -v '^core/net/')
while IFS=: read -r file line _; do
    complain "$file:$line: memory comes from base/mem.h"
done < <(grep -rnE '[^_[:alnum:]](malloc|calloc|realloc|strdup|strndup|free)\(' core --include='*.c' |
    grep -vE '^core/base/mem\.c|^[^:]*:[0-9]*:[[:space:]]*(/?\*|//)')

echo "cases: $((1 - bad)) passed, $bad failed"
exit $bad
