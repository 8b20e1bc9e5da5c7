#!/bin/sh
# A service without a port of its own: clients ask for it by name at the tcpmux port (RFC 1078).
# The plus sign leaves it to the daemon to say first that the service is there.
#
# inetd.conf: tcpmux stream tcp nowait root internal
# inetd.conf: tcpmux/+hello stream tcp nowait nobody /usr/libexec/inetd/hello.sh hello.sh
# try: printf 'hello\r\n' | nc -N localhost 1

printf 'Hello, %s!\r\n' "${TCPREMOTEIP:-stranger}" 2>/dev/null
