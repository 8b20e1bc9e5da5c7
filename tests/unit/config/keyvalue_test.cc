#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("definitions with keys and values") {
    check_all({
        {"ftp on user = root, protocol = tcp, wait = no, exec = /bin/cat, args = cat -u;",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [-u]\n"},
        {"127.0.0.1,[::1]:ftp on user=root,protocol=tcp,wait=no,exec=/bin/cat;",
         "ftp/tcp stream 127.0.0.1:21 [::1]:21 nowait root:0 /bin/cat [cat]\n"},
        {"ftp off;", "t: warning: there are no services in this configuration\n"},
        {"ftp off user=root,protocol=tcp,wait=no,exec=/bin/cat; finger stream tcp nowait root "
         "/bin/cat",
         "finger/tcp stream 0.0.0.0:79 [::]:79 nowait root:0 /bin/cat [cat]\n"},
        {"daytime on socktype=stream, user=root;",
         "daytime/tcp stream 0.0.0.0:13 [::]:13 nowait root:0 <daytime>\n"},
        {"ftp on user = root, protocl = tcp;",
         "t:1:21: error: unknown key 'protocl'\n"
         "  hint: did you mean 'protocol'?\n"
         "t:1:1: error: neither 'socktype' nor 'protocol' is given\n"},
        {"ftp on user = root",
         "t:1:1: error: this definition has no end\n"
         "  hint: a definition of the form 'service on key = value, ...' ends in ';'\n"},
        {"ftp on user = root, protocol = tcp, wait = no, exec = /bin/cat, service_max = 0, ip_max "
         "= 5;",
         "t:1:79: error: 'service_max = 0' would never start it\n"
         "  hint: write 'off' for 'on', or leave the key out\n"},
        {"ftp on user = root, user = root, protocol = tcp, wait = maybe;",
         "t:1:21: error: 'user' is given twice\n"
         "t:1:57: error: 'maybe' is neither 'yes' nor 'no'\n"},
        {"ftp on bind = 127.0.0.1, socktype = stream, protocol = tcp, acceptfilter = httpready, "
         "sndbuf = 64k, recvbuf = 32k, wait = no, service_max = 40, ip_max = 5, accept_max = 2, "
         "user = root, group = daemon, exec = /bin/cat;",
         "ftp/tcp stream 127.0.0.1:21 nowait root:1 /bin/cat [cat] instances=2 starts=40 "
         "source_starts=5 sndbuf=65536 rcvbuf=32768\n"
         "t:1:61: warning: 'acceptfilter' is not applied\n"
         "  hint: Linux has no accept filters; 'defer_accept' in inetd.cfg comes nearest\n"},
        {"ftp off;\n"
         "finger stream tcp nowait root /bin/cat",
         "finger/tcp stream 0.0.0.0:79 [::]:79 nowait root:0 /bin/cat [cat]\n"},
        {"ftp on\n"
         "user = root,\n"
         "protocol = tcp, # comment\n"
         "wait = no,\n"
         "exec = /bin/cat,\n"
         "args = cat 'a;b' \"c,d=e\";",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [a;b] [c,d=e]\n"},
        {"ftp on bind = 127.0.0.1 ::1, user = root, protocol = tcp;",
         "t:1:25: error: 'bind' takes one value\n"
         "  hint: separate the keys by ','\n"},
        {"ftp on user, protocol = tcp;", "t:1:8: error: 'user' has no value\n"
                                         "  hint: write 'user = VALUE'\n"
                                         "t:1:1: error: 'user' is not given\n"
                                         "  hint: add 'user = NAME'\n"},
        {"ftp on protocol = tcp, wait = no, exec = /bin/cat;", "t:1:1: error: 'user' is not given\n"
                                                               "  hint: add 'user = NAME'\n"},
        {"ftp on user = root, protocol = tcp, exec = /bin/cat;",
         "t:1:1: error: 'wait' is not given\n"
         "  hint: add 'wait = yes' or 'wait = no'\n"},
        {"talk on user = root, protocol = udp, wait = yes, exec = /bin/cat;",
         "talk/udp dgram 0.0.0.0:517 [::]:517 wait root:0 /bin/cat [cat]\n"},
        {"/run/x on user = root, socktype = stream, wait = no, exec = /bin/cat;",
         "/run/x/unix stream /run/x nowait root:0 /bin/cat [cat]\n"},
    });
}
