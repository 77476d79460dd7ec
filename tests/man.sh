#!/bin/bash
# The manual pages are good mdoc, and name every command, key and event kind that there is.
#   tests/man.sh [SOURCE-TREE]
set -u
cd "${1:-$(dirname "$0")/..}/daemon" || exit 2
bad=0

complain() { echo "$1" >&2; bad=1; }

# Pages of ours need not be installed to be named.
for page in man/*; do
    if found=$(mandoc -Tlint "$page" 2>/dev/null | grep -v 'referenced manual not found'); then
        complain "$found"
    fi
done

# Plain words of a page: no markup, no hyphenation, one blank between two.
words() { mandoc -Tascii -Owidth=999 "$1" | sed 's/.\x08//g' | tr -s ' \n' '  '; }

need() { # PAGE WORD...
    local text page=$1
    text=" $(words "man/$page") "
    shift
    for word; do
        [[ $text =~ [^a-z_-]"$word"[^a-z_-] ]] || complain "man/$page does not know $word"
    done
}

mapfile -t commands < <(sed -n 's/^    {"\([a-z-]*\)", \(cmd_\|NULL\).*/\1/p' cli/cli.c)
mapfile -t kinds < <(grep -o 'X([A-Z_]*, "[a-z-]*")' config/config.h | grep -o '"[a-z-]*"' | tr -d '"')
mapfile -t keys < <(sed -n 's/^    {"\([a-z_]*\)", SCHEMA_.*/\1/p; s/^    LATER("\([a-z_]*\)").*/\1/p' config/*.c)
if [ ${#commands[@]} -lt 10 ] || [ ${#kinds[@]} -lt 10 ] || [ ${#keys[@]} -lt 30 ]; then
    complain "the tables of commands, kinds or keys have moved: this script looks in vain"
fi
need perch.1 "${commands[@]}" "${kinds[@]}"
need perchd.yaml.5 "${keys[@]}" "${kinds[@]}"

echo "cases: $((1 - bad)) passed, $bad failed"
exit $bad
