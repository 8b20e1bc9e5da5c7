#!/bin/sh
# Every line that a client sends becomes a line of the system's log, with the client's address: for
# scripts, cron jobs and small devices that can open a connection and know nothing of syslog.
#
# inetd.conf: 10514 stream tcp nowait nobody /usr/libexec/inetd/netlog.sh netlog.sh
# try: printf 'backup finished\n' | nc -N localhost 10514

exec timeout "${1:-3600}" logger --tag "netlog[${TCPREMOTEIP:-local}]" --priority user.notice \
    --size 1024 >/dev/null 2>&1
