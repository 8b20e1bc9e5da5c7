#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("what lines say about one another") {
    check_all({
        {"tcpmux stream tcp nowait root internal\n"
         "tcpmux/foo stream tcp nowait root /bin/cat\n"
         "tcpmux/+bar stream tcp nowait nobody /bin/cat",
         "tcpmux/tcp stream 0.0.0.0:1 [::]:1 nowait root:0 <tcpmux>\n"
         "tcpmux/foo/tcp stream nowait root:0 /bin/cat [cat] mux=foo\n"
         "tcpmux/bar/tcp stream nowait nobody:65534 /bin/cat [cat] mux=bar greets\n"},
        {"127.0.0.1:\n"
         "ftp stream tcp nowait root /bin/cat\n"
         "*:\n"
         "79 stream tcp nowait root /bin/cat",
         "ftp/tcp stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"
         "79/tcp stream 0.0.0.0:79 [::]:79 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait root /bin/cat cat 'a\n"
         " -u\n"
         "finger stream tcp nowait root /bin/cat",
         "finger/tcp stream 0.0.0.0:79 [::]:79 nowait root:0 /bin/cat [cat]\n"
         "t:1:41: error: this quote ' is not closed\n"
         "  hint: a quoted text ends on the line where it begins\n"},
        {"ftp stream tcp nowait root /bin/cat\n"
         "ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: error: ftp/tcp at 0.0.0.0:21 is a duplicate of t:1\n"},
        {"ftp stream tcp nowait root /bin/cat\n"
         "127.0.0.1:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "ftp/tcp stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"
         "t:2:11: warning: 127.0.0.1:21 overlaps with ftp/tcp of t:1, and Linux binds just one of "
         "them\n"
         "  hint: give each of them its own addresses, or one service all of them\n"},
        {"127.0.0.1:ftp stream tcp nowait root /bin/cat\n"
         "ftp stream tcp4 nowait root /bin/cat",
         "ftp/tcp stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"
         "ftp/tcp4 stream 0.0.0.0:21 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: warning: 0.0.0.0:21 overlaps with ftp/tcp of t:1, and Linux binds just one of "
         "them\n"
         "  hint: give each of them its own addresses, or one service all of them\n"},
        {"127.0.0.1:ftp stream tcp nowait root /bin/cat\n"
         "ftp stream tcp46 nowait root /bin/cat",
         "ftp/tcp stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"
         "ftp/tcp46 stream [::]:21+v4 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: warning: [::]:21 overlaps with ftp/tcp of t:1, and Linux binds just one of them\n"
         "  hint: give each of them its own addresses, or one service all of them\n"},
        {"ftp stream tcp46 nowait root /bin/cat\n"
         "ftp stream tcp4 nowait root /bin/cat",
         "ftp/tcp46 stream [::]:21+v4 nowait root:0 /bin/cat [cat]\n"
         "ftp/tcp4 stream 0.0.0.0:21 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: warning: 0.0.0.0:21 overlaps with ftp/tcp46 of t:1, and Linux binds just one of "
         "them\n"
         "  hint: give each of them its own addresses, or one service all of them\n"},
        {"ftp stream mptcp nowait root /bin/cat\n"
         "ftp stream tcp4 nowait root /bin/cat",
         "ftp/mptcp stream 0.0.0.0:21#262 [::]:21#262 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: error: ftp/tcp4 at 0.0.0.0:21 is a duplicate of t:1\n"},
        {"ftp stream tcp4 nowait root /bin/cat\n"
         "ftp stream tcp6 nowait root /bin/cat",
         "ftp/tcp4 stream 0.0.0.0:21 nowait root:0 /bin/cat [cat]\n"
         "ftp/tcp6 stream [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"tcpmux/a stream tcp nowait root /bin/cat\n"
         "tcpmux/A stream tcp nowait root /bin/cat",
         "tcpmux/a/tcp stream nowait root:0 /bin/cat [cat] mux=a\n"
         "t:2:1: error: tcpmux/A is a duplicate of t:1\n"
         "t:1:1: warning: nothing listens for tcpmux/a\n"
         "  hint: add 'tcpmux stream tcp nowait root internal'\n"},
        {"ftp stream tcp nowait root \\\n"
         "/bin/cat cat -\\\n"
         "u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [-u]\n"},
        {"3:99 stream vsock nowait root /bin/cat\n"
         "99 stream vsock nowait root /bin/cat",
         "99/vsock stream vsock:3:99 nowait root:0 /bin/cat [cat]\n"
         "99/vsock stream vsock:4294967295:99 nowait root:0 /bin/cat [cat]\n"
         "t:2:1: warning: vsock:4294967295:99 overlaps with 99/vsock of t:1, and Linux binds just "
         "one of them\n"
         "  hint: give each of them its own addresses, or one service all of them\n"},
        {"/run/x stream unix nowait root /bin/cat\n"
         "/run/x dgram unix wait root /bin/cat",
         "/run/x/unix stream /run/x nowait root:0 /bin/cat [cat]\n"
         "t:2:1: error: /run/x/unix at /run/x is a duplicate of t:1\n"},
    });
}
