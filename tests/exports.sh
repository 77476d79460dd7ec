#!/bin/bash
# libperch.so exports what the public headers mark PERCH_API: all of it and nothing else,
# and nothing of perch is left for others to define.
#   tests/exports.sh LIBRARY INCLUDE-DIRECTORY
set -u
export LC_ALL=C
lib=${1:?usage: exports.sh LIBRARY INCLUDE-DIRECTORY}
dir=${2:?usage: exports.sh LIBRARY INCLUDE-DIRECTORY}

promised=$(cat "$dir"/perch/*.h | tr '\n' ' ' | grep -oE 'PERCH_API [^;]*' |
    grep -oE '\bperch_[a-z0-9_]+\(' | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)

missing=$(comm -23 <(echo "$promised") <(echo "$exported"))
surplus=$(comm -13 <(echo "$promised") <(echo "$exported"))
[ -z "$missing" ] || printf 'declared PERCH_API but not exported:\n%s\n' "$missing" >&2
[ -z "$surplus" ] || printf 'exported but in no public header:\n%s\n' "$surplus" >&2
undefined=$(nm -D --undefined-only "$lib" | grep -w 'perch_[a-z0-9_]*' || true)
[ -z "$undefined" ] || printf 'used but defined nowhere:\n%s\n' "$undefined" >&2
bad=$([ -z "$missing$surplus$undefined" ]; echo $?)
echo "cases: $((1 - bad)) passed, $bad failed"
exit "$bad"
