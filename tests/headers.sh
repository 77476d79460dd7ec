#!/bin/bash
# Each public header compiles alone, twice in a row, as strict C99 and as C++.
#   tests/headers.sh INCLUDE-DIRECTORY
set -u
dir=${1:?usage: headers.sh INCLUDE-DIRECTORY}
bad=0

for header in "$dir"/perch/*.h; do
    name=perch/${header##*/}
    for language in "c -std=c99" "c++ -std=c++11"; do
        # shellcheck disable=SC2086
        printf '#include "%s"\n#include "%s"\nint perch_nothing;\n' "$name" "$name" |
            ${CC:-cc} -x $language -I"$dir" -pedantic-errors -Wall -Wextra -Werror -fsyntax-only - ||
            { echo "$name does not compile alone as $language" >&2; bad=1; }
    done
done
exit $bad
