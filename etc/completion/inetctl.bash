# Completion of inetctl(1) for bash: verbs, options, and names of the services that run.
# shellcheck shell=bash

_inetctl_services() {
    local -a asked=(inetctl)
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket) asked+=(-s "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    "${asked[@]}" list --names 2>/dev/null
}

_inetctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket) ((i++)) ;;
        -*) ;;
        *)
            verb=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    case $before in
    -s | --socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --signal)
        mapfile -t COMPREPLY < <(compgen -W 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP' -- "$word")
        return
        ;;
    -n | --lines | --send | --address | --timeout | --bytes | -d | --interval) return ;;
    --sort)
        mapfile -t COMPREPLY < <(compgen -W 'service address state running accepting refusing cpu
            memory accepted refused last-use' -- "$word")
        return
        ;;
    esac
    local options='--json --socket --help'
    case $verb in
    '') options='--socket --help --version' ;;
    check) options='--help' ;;
    list) options+=' --names' ;;
    log) options+=' --follow --lines' ;;
    kill) options+=' --signal' ;;
    drain) options+=' --stop' ;;
    top) options+=' --interval --sort --reverse --once' ;;
    try) options+=' --send --address --timeout --bytes --force' ;;
    enable | disable) options+=' --now --save' ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    case $verb in
    '')
        mapfile -t COMPREPLY < <(compgen -W 'check diff disable drain enable kill list log metrics
            monitor pause reload resume show status top try upgrade' -- "$word")
        ;;
    show | pause | resume | enable | disable | kill | log | monitor | try)
        mapfile -t COMPREPLY < <(compgen -W "$(_inetctl_services)" -- "$word")
        ;;
    check | diff)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        ;;
    esac
}

complete -F _inetctl inetctl
