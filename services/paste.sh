#!/bin/sh
# A paste board: keeps what it gets, up to 1 MiB, in a new file of the directory $1, and answers
# with $2 and the file's name. With web.py on that directory, and its address as $2, it is a link.
#
# inetd.conf: 10099 stream tcp nowait nobody /usr/libexec/inetd/paste.sh paste.sh /srv/paste
# try: ls / | nc -N localhost 10099

exec 2>/dev/null
set -eu
limit=1048576
file=$(mktemp "${1:-/srv/paste}/XXXXXXXXXX")
trap 'rm -f "$file"' EXIT
timeout "${3:-30}" head -c $((limit + 1)) >"$file"
size=$(stat -c %s "$file")
if [ "$size" -gt "$limit" ]; then
    echo "The limit is $limit bytes."
    timeout 2 cat >/dev/null # closing with something unread would reset the connection
elif [ "$size" -gt 0 ]; then
    chmod 644 "$file"
    trap - EXIT
    echo "${2:-}${file##*/}"
fi
