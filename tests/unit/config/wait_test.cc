#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("the wait column") {
    check_all({
        {"ftp stream,2 tcp nowait/5 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=2\n"
         "t:1:25: warning: this limit and the 2 of the socket type differ\n"
         "  hint: the smaller one applies\n"},
        {"ftp stream,9 tcp nowait/5 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=5\n"
         "t:1:25: warning: this limit and the 9 of the socket type differ\n"
         "  hint: the smaller one applies\n"},
        {"ftp stream,0 tcp nowait/5 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=5\n"
         "t:1:25: warning: this limit and the 0 of the socket type differ\n"
         "  hint: the smaller one applies\n"},
        {"ftp stream tcp nowait.40 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] starts=40\n"},
        {"ftp stream tcp nowait:40 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] starts=40\n"},
        {"ftp stream tcp nowait/10/20/3 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=10 per_source=3 "
         "source_starts=20\n"},
        {"ftp stream tcp nowait/0 root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=0\n"},
        {"ftp stream tcp nowait/1/2/3/4 root /bin/cat",
         "t:1:23: error: '1/2/3/4' has more than three limits\n"
         "  hint: write '/max-child/starts-per-minute-and-source/max-child-per-source'\n"},
        {"ftp stream tcp nowait//2 root /bin/cat",
         "t:1:23: error: the number for servers at once is missing\n"
         "  hint: 0 stands for no limit\n"},
        {"ftp stream tcp nowait.x root /bin/cat",
         "t:1:23: error: 'x' is not a number for starts a minute\n"
         "  hint: write a whole number; 0 stands for no limit\n"},
        {"ftp stream tcp nowait.99999999999 root /bin/cat",
         "t:1:23: error: '99999999999' is not a number for starts a minute\n"
         "  hint: write a whole number; 0 stands for no limit\n"},
        {"ftp stream tcp nowiat root /bin/cat",
         "t:1:16: error: 'nowiat' is neither 'wait' nor 'nowait'\n"
         "  hint: did you mean 'nowait'?\n"},
        {"ftp stream tcp yes root /bin/cat",
         "t:1:16: error: 'yes' is neither 'wait' nor 'nowait'\n"},
        {"tftp dgram udp wait/0/10 root /bin/cat",
         "tftp/udp dgram 0.0.0.0:69 [::]:69 wait root:0 /bin/cat [cat] instances=0 "
         "source_starts=10\n"
         "t:1:16: warning: limits for one source do not work with 'wait'\n"
         "  hint: the server accepts its clients itself, so that inetd never sees them\n"},
    });
}
