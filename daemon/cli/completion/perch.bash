# Completion of perch(1) for bash: commands, their options, accounts, kinds of events.

_perch_commands='status events search check-config decode'
_perch_kinds='new flags deleted moved mailbox-created mailbox-deleted mailbox-renamed reset
    connected disconnected auth-error recovered'

# The accounts that a running perchd knows; silent without one.
_perch_accounts() {
    perch --json status 2>/dev/null | sed -n 's/^{"account": *"\([^"\\]*\)".*/\1/p'
}

_perch() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' w choice=''

    for w in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case " $_perch_commands " in *" $w "*)
            command=$w
            break ;;
        esac
    done

    case $before in
    --config | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --account) choice=$(_perch_accounts) ;;
    --kind) choice=$_perch_kinds ;;
    --since | --limit) return ;;
    *)
        case $command in
        '') choice="$_perch_commands --config --state --socket --json --help --version" ;;
        status) choice="$(_perch_accounts) --json --help" ;;
        events) choice='--since --follow --account --kind --json --help' ;;
        search) choice='--limit --account --json --help' ;;
        check-config) choice='--config --json --help' ;;
        decode)
            mapfile -t COMPREPLY < <(compgen -f -W '--utf8 --help' -- "$word")
            return ;;
        esac ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$word")
}

complete -o filenames -F _perch perch
