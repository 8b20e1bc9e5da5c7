#!/bin/sh
# A gopher server (RFC 1436) for the directory $1. realpath resolves what the client asks for, with
# its links and "..", and only what then lies below the directory is shown.
#
# inetd.conf: 10070 stream tcp nowait nobody /usr/libexec/inetd/gopher.sh gopher.sh /srv/gopher
# try: printf '/\r\n' | nc -N localhost 10070

exec 2>/dev/null
set -u
root=$(realpath -e -- "${1:-/srv/gopher}") || exit
tab=$(printf '\t')
cr=$(printf '\r')

item() { # type, name, selector
    printf '%s%s\t%s\t%s\t%s\r\n' "$1" "$2" "$3" "${TCPLOCALIP:-localhost}" "${TCPLOCALPORT:-70}"
}

kind() {
    case $1 in
    */*.txt | */*.md | */*.conf | */*.c | */*.cc | */*.h | */*.py | */*.sh | */README) echo 0 ;;
    */*.gif) echo g ;;
    */*.jpg | */*.jpeg | */*.png) echo I ;;
    */*.html) echo h ;;
    *) echo 9 ;;
    esac
}

show() {
    if [ -d "$1" ]; then
        for entry in "$1"/*; do
            case ${entry##*/} in
            *[[:cntrl:]]*) continue ;;
            esac
            if [ -d "$entry" ]; then
                item 1 "${entry##*/}" "${entry#"$root"}"
            elif [ -f "$entry" ]; then
                item "$(kind "$entry")" "${entry##*/}" "${entry#"$root"}"
            fi
        done
    elif [ -f "$1" ] && [ "$(kind "$1")" != 0 ]; then
        cat "$1"
        return
    elif [ -f "$1" ]; then
        sed "s/^\./../; s/$cr\$//; s/\$/$cr/" "$1"
    else
        item 3 'Nothing is there.' ''
    fi
    printf '.\r\n'
}

selector=$(timeout "${2:-30}" head -n 1 | head -c 1024)
selector=${selector%"$cr"}
path=$(realpath -e -- "$root/${selector%%"$tab"*}")
case $path/ in
"$root"/*) show "$path" ;;
*) show '' ;;
esac | timeout 600 cat
