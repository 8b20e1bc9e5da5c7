#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("built-in services and those behind tcpmux") {
    check_all({
        {"sink stream tcp nowait root internal",
         "sink/tcp stream 0.0.0.0:9 [::]:9 nowait root:0 <discard>\n"},
        {"ttytst stream tcp nowait root internal",
         "ttytst/tcp stream 0.0.0.0:19 [::]:19 nowait root:0 <chargen>\n"},
        {"7 stream tcp nowait root internal",
         "7/tcp stream 0.0.0.0:7 [::]:7 nowait root:0 <echo>\n"},
        {"10007 stream tcp nowait root internal echo",
         "10007/tcp stream 0.0.0.0:10007 [::]:10007 nowait root:0 <echo>\n"},
        {"127.0.0.1:echo dgram udp wait root internal",
         "echo/udp dgram 127.0.0.1:7 wait root:0 <echo>\n"},
        {"127.0.0.1:echo dgram udp nowait root internal",
         "echo/udp dgram 127.0.0.1:7 nowait root:0 <echo>\n"},
        {"echo dgram udp wait root internal",
         "echo/udp dgram 0.0.0.0:7 [::]:7 wait root:0 <echo>\n"
         "t:1:1: warning: this datagram service can be made to flood others with its answers\n"
         "  hint: give it a loopback address, as in '127.0.0.1:echo'\n"},
        {"daytime stream tcp nowait root internal",
         "daytime/tcp stream 0.0.0.0:13 [::]:13 nowait root:0 <daytime>\n"},
        {"time dgram udp wait root internal",
         "time/udp dgram 0.0.0.0:37 [::]:37 wait root:0 <time>\n"},
        {"tcpmux/foo stream tcp nowait root /bin/cat",
         "tcpmux/foo/tcp stream nowait root:0 /bin/cat [cat] mux=foo\n"
         "t:1:1: warning: nothing listens for tcpmux/foo\n"
         "  hint: add 'tcpmux stream tcp nowait root internal'\n"},
        {"tcpmux/x stream tcp wait root /bin/cat",
         "t:1:21: error: a service of tcpmux cannot be 'wait'\n"
         "  hint: it is given one connection, never the listening socket: write 'nowait'\n"},
        {"tcpmux/x stream tcp nowait root internal",
         "t:1:33: error: a service of tcpmux cannot be built in\n"
         "  hint: give the path of a program\n"},
        {"tcpmux/x dgram udp wait root /bin/cat",
         "t:1:16: error: tcpmux serves nothing but 'stream tcp'\n"
         "t:1:20: error: a service of tcpmux cannot be 'wait'\n"
         "  hint: it is given one connection, never the listening socket: write 'nowait'\n"},
        {"tcpmux/ stream tcp nowait root /bin/cat",
         "t:1:8: error: a tcpmux service has a name of 1 to 256 characters\n"},
        {"tcpmux/help stream tcp nowait root /bin/cat",
         "t:1:8: error: tcpmux answers HELP itself with the list of its services\n"},
        {"127.0.0.1:tcpmux/x stream tcp nowait root /bin/cat",
         "t:1:1: error: 'tcpmux/x' cannot have an address\n"
         "  hint: remove '127.0.0.1:'\n"},
        {"echo stream tcp wait root internal",
         "t:1:17: error: a built-in stream service cannot be 'wait'\n"
         "  hint: write 'nowait'\n"},
        {"echo stream tcp nowait root internal chargn",
         "t:1:38: error: no built-in service is named 'chargn'\n"
         "  hint: did you mean 'chargen'?\n"},
        {"echo stream tcp nowait root internal echo -x",
         "t:1:43: error: a built-in service takes no arguments\n"},
        {"ftp stream tcp nowait root internal",
         "t:1:1: error: no built-in service is named 'ftp'\n"
         "  hint: built-in services: tcpmux, echo, discard, daytime, chargen, time, auth, "
         "redirect, metrics; name one after 'internal'\n"},
        {"127.0.0.1:9117 stream tcp4 nowait root internal metrics",
         "9117/tcp4 stream 127.0.0.1:9117 nowait root:0 <metrics>\n"},
        {"127.0.0.1:9117 dgram udp4 wait root internal metrics",
         "t:1:46: error: metrics speaks HTTP over streams: those of TCP and of unix sockets\n"},
        {"5000 stream sctp nowait root internal metrics",
         "t:1:39: error: metrics speaks HTTP over streams: those of TCP and of unix sockets\n"},
        {"@x stream unix nowait root internal metrics -x",
         "t:1:45: error: a built-in service takes no arguments\n"},
        {"80 stream tcp4 nowait root internal redirect 127.0.0.1 8080",
         "80/tcp4 stream 0.0.0.0:80 nowait root:0 <redirect> -> 127.0.0.1:8080\n"},
        {"@x stream unix nowait root internal redirect [::1]:80",
         "@x/unix stream @x nowait root:0 <redirect> -> [::1]:80\n"},
        {"80 stream tcp4 nowait root internal redirect",
         "t:1:28: error: redirect has nowhere to lead to\n"
         "  hint: write 'internal redirect HOST PORT', or 'redirect' in inetd.cfg\n"},
        {"80 stream tcp4 nowait root internal redirect host",
         "t:1:46: error: 'host' is not what redirect can lead to\n"
         "  hint: write \"HOST PORT\", \"HOST:PORT\", \"[ADDRESS]:PORT\" or the \"/path\" or "
         "\"@name\" of a unix socket\n"},
        {"80 stream tcp4 nowait root internal redirect 10.1 80",
         "t:1:46: error: redirect: '10.1' is not an address\n"
         "  hint: addresses are written 192.0.2.1 or [2001:db8::1]\n"},
        {"80 dgram udp4 wait root internal redirect 127.0.0.1 80",
         "t:1:34: error: redirect relays byte streams: those of TCP and of unix sockets\n"},
        {"tcpmux dgram udp wait root internal tcpmux",
         "t:1:1: error: unknown service 'tcpmux' for udp\n"
         "  hint: services(5) has it for tcp only\n"},
        {"5000 seqpacket sctp nowait root internal echo",
         "t:1:33: error: built-in services are 'stream' or 'dgram'\n"},
    });
}

TEST_CASE("the built-in auth and its options") {
    check_all({
        {"auth stream tcp4 nowait root internal",
         "auth/tcp4 stream 0.0.0.0:113 nowait root:0 <auth> tells=0 os=UNIX\n"},
        {"auth stream tcp4 nowait root internal auth -i",
         "auth/tcp4 stream 0.0.0.0:113 nowait root:0 <auth> tells=1 os=UNIX\n"},
        {"auth stream tcp4 nowait root internal auth -r -o X -d me",
         "auth/tcp4 stream 0.0.0.0:113 nowait root:0 <auth> tells=2 os=X else=me\n"},
        {"auth stream tcp4 nowait root internal auth -n",
         "t:1:44: error: auth has no option '-n'\n"
         "  hint: it takes -r (tell names), -i (tell numbers), -d NAME and -o SYSTEM; files of "
         "users are not read\n"},
        {"auth stream tcp4 nowait root internal auth -o",
         "t:1:44: error: '-o' needs a word after it\n"},
        {"auth stream tcp4 nowait root internal auth -d a:b",
         "t:1:47: error: 'a:b' cannot stand in an answer\n"
         "  hint: it must be of visible characters other than ':'\n"},
        {"auth dgram udp4 wait root internal auth", "t:1:1: error: unknown service 'auth' for udp\n"
                                                    "  hint: services(5) has it for tcp only\n"},
        {"113 dgram udp4 wait root internal auth",
         "t:1:35: error: auth is a stream service of TCP\n"
         "  hint: write 'stream' and 'tcp'\n"},
        {"@x stream unix nowait root internal auth",
         "t:1:37: error: auth is a stream service of TCP\n"
         "  hint: write 'stream' and 'tcp'\n"},
    });
}
