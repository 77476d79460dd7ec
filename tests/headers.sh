#!/bin/bash
# Each public header compiles alone, twice in a row, as strict C99 and as C++.
#   tests/headers.sh INCLUDE-DIRECTORY
set -u
dir=${1:?usage: headers.sh INCLUDE-DIRECTORY}
good=0 bad=0

for header in "$dir"/perch/*.h; do
    name=perch/${header##*/}
    for language in "c -std=c99" "c++ -std=c++11"; do
        # shellcheck disable=SC2086
        if printf '#include "%s"\n#include "%s"\nint perch_nothing;\n' "$name" "$name" |
            ${CC:-cc} -x $language -I"$dir" -pedantic-errors -Wall -Wextra -Werror -fsyntax-only -; then
            good=$((good + 1))
        else
            echo "$name does not compile alone as $language" >&2
            bad=$((bad + 1))
        fi
    done
done
echo "cases: $good passed, $bad failed"
[ $bad = 0 ]
