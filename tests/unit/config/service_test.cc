#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("the service column") {
    check_all({
        {"ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"8080 stream tcp4 nowait nobody /bin/cat",
         "8080/tcp4 stream 0.0.0.0:8080 nowait nobody:65534 /bin/cat [cat]\n"},
        {"8080 stream tcp6 nowait nobody /bin/cat",
         "8080/tcp6 stream [::]:8080 nowait nobody:65534 /bin/cat [cat]\n"},
        {"8080 stream tcp46 nowait nobody /bin/cat",
         "8080/tcp46 stream [::]:8080+v4 nowait nobody:65534 /bin/cat [cat]\n"},
        {"talk dgram udp wait root /bin/cat",
         "talk/udp dgram 0.0.0.0:517 [::]:517 wait root:0 /bin/cat [cat]\n"},
        {"127.0.0.1:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"},
        {"127.0.0.1,[::1]:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 127.0.0.1:21 [::1]:21 nowait root:0 /bin/cat [cat]\n"},
        {"::1:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream [::1]:21 nowait root:0 /bin/cat [cat]\n"},
        {":::ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"[::]:ftp stream tcp46 nowait root /bin/cat",
         "ftp/tcp46 stream [::]:21+v4 nowait root:0 /bin/cat [cat]\n"},
        {"0.0.0.0:ftp stream tcp46 nowait root /bin/cat",
         "ftp/tcp46 stream 0.0.0.0:21 nowait root:0 /bin/cat [cat]\n"},
        {"*:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"*,127.0.0.1:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:1:1: warning: '*' takes in the other addresses of this list\n"},
        {"[::ffff:192.0.2.1]:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 192.0.2.1:21 nowait root:0 /bin/cat [cat]\n"},
        {"[fe80::1%lo]:ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream [fe80::1%lo]:21 nowait root:0 /bin/cat [cat]\n"},
        {"[fe80::1]:ftp stream tcp nowait root /bin/cat",
         "t:1:2: error: link-local address 'fe80::1' needs its interface\n"
         "  hint: write [fe80::1%eth0], with the name of yours\n"},
        {"[fe80::1%nosuch0]:ftp stream tcp nowait root /bin/cat",
         "t:1:2: error: no interface 'nosuch0'\n"
         "  hint: 'ip link' lists the interfaces\n"},
        {"localhost:ftp stream tcp4 nowait root /bin/cat",
         "ftp/tcp4 stream 127.0.0.1:21 nowait root:0 /bin/cat [cat]\n"},
        {"[::1]:\n"
         "ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream [::1]:21 nowait root:0 /bin/cat [cat]\n"},
        {"127.0.0.1:\n"
         "ftp stream tcp6 nowait root /bin/cat",
         "t:2:1: error: '127.0.0.1' has no IPv6 address, but 'tcp6' takes no other (the default "
         "address of line 1)\n"
         "  hint: write 'tcp' for either family\n"},
        {"[::1:\n"
         "ftp stream tcp nowait root /bin/cat",
         "t:1:1: error: '[::1' is not an address\n"
         "  hint: addresses are written 192.0.2.1, [2001:db8::1], a host's name or *\n"
         "t:2:1: error: '' is not an address (the default address of line 1)\n"
         "  hint: addresses are written 192.0.2.1 or [2001:db8::1]\n"},
        {"/run/x.sock stream unix nowait root /bin/cat",
         "/run/x.sock/unix stream /run/x.sock nowait root:0 /bin/cat [cat]\n"},
        {"@hidden dgram unix wait root /bin/cat",
         "@hidden/unix dgram @hidden wait root:0 /bin/cat [cat]\n"},
        {":nobody:daemon:0660:/run/x.sock stream unix nowait root /bin/cat",
         "/run/x.sock/unix stream /run/x.sock nowait root:0 /bin/cat [cat] owner=65534 group=1 "
         "mode=0660\n"},
        {"::::/run/x.sock stream unix nowait root /bin/cat",
         "/run/x.sock/unix stream /run/x.sock nowait root:0 /bin/cat [cat] mode=0200\n"},
        {":nobody:::/run/x:y.sock stream unix nowait root /bin/cat",
         "/run/x:y.sock/unix stream /run/x:y.sock nowait root:0 /bin/cat [cat] owner=65534 "
         "mode=0200\n"},
        {":nobody:nogroup:999:/run/x stream unix nowait root /bin/cat",
         "t:1:17: error: '999' is not a mode\n"
         "  hint: a mode is an octal number up to 0777\n"},
        {":nobdy:nogrup:600:/run/x stream unix nowait root /bin/cat",
         "t:1:2: error: unknown user 'nobdy'\n"
         "  hint: did you mean 'nobody'?\n"
         "t:1:8: error: unknown group 'nogrup'\n"
         "  hint: did you mean 'nogroup'?\n"},
        {":a:b:600:@x stream unix nowait root /bin/cat",
         "t:1:10: error: an abstract socket has neither owner nor mode\n"
         "  hint: write '@x'\n"},
        {"/run/x stream tcp nowait root /bin/cat",
         "t:1:15: error: '/run/x' is a path, but 'tcp' has ports\n"
         "  hint: write 'unix' as its protocol\n"},
        {"ftp stream unix nowait root /bin/cat",
         "t:1:1: error: a unix socket has a path, which 'ftp' is not\n"
         "  hint: write '/path', or '@name' for an abstract socket\n"},
        {"/run/x dgram unix nowait root /bin/cat",
         "t:1:19: error: a unix datagram service cannot be 'nowait'\n"
         "  hint: its clients mostly have no address to answer to: write 'wait'\n"},
        {"127.0.0.1:/run/x stream unix nowait root /bin/cat",
         "t:1:1: error: '/run/x' cannot have an address\n"
         "  hint: remove '127.0.0.1:'\n"},
        {"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa stream "
         "unix nowait root /bin/cat",
         "t:1:1: error: "
         "'/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' "
         "has 166 bytes, more than the 107 of unix(7)\n"},
        {"ftp dgram tcp nowait root /bin/cat",
         "t:1:11: error: 'tcp' has no dgram sockets\n"
         "  hint: the type of tcp is 'stream'; a datagram service is 'udp'\n"},
        {"talk stream udp nowait root /bin/cat",
         "t:1:13: error: 'udp' has no stream sockets\n"
         "  hint: the type of udp is 'dgram'; a stream service is 'tcp'\n"},
        {"127.0.0.1:\n"
         "1234 stream vsock nowait root /bin/cat",
         "1234/vsock stream vsock:4294967295:1234 nowait root:0 /bin/cat [cat]\n"},
        {"ftpp stream tcp nowait root /bin/cat", "t:1:1: error: unknown service 'ftpp' for tcp\n"
                                                 "  hint: did you mean 'ftp'?\n"},
        {"tftp stream tcp nowait root /bin/cat", "t:1:1: error: unknown service 'tftp' for tcp\n"
                                                 "  hint: services(5) has it for udp only\n"},
        {"0 stream tcp nowait root /bin/cat", "t:1:1: error: '0' is not a port number\n"
                                              "  hint: ports are numbers from 1 to 65535\n"},
        {"65536 stream tcp nowait root /bin/cat", "t:1:1: error: '65536' is not a port number\n"
                                                  "  hint: ports are numbers from 1 to 65535\n"},
        {"99999999999 stream tcp nowait root /bin/cat",
         "t:1:1: error: '99999999999' is not a port number\n"
         "  hint: ports are numbers from 1 to 65535\n"},
        {",127.0.0.1:ftp stream tcp nowait root /bin/cat",
         "t:1:1: error: '' is not an address\n"
         "  hint: addresses are written 192.0.2.1, [2001:db8::1], a host's name or *\n"},
        {"10.1:ftp stream tcp nowait root /bin/cat",
         "t:1:1: error: '10.1' is not an address\n"
         "  hint: addresses are written 192.0.2.1 or [2001:db8::1]\n"},
        {"[::1]ftp stream tcp nowait root /bin/cat",
         "t:1:1: error: '[::1]ftp' is not a service\n"
         "  hint: a service is a name, a port, a path, or 'address:' before one of these\n"},
        {"192.0.2.1:ftp stream tcp6 nowait root /bin/cat",
         "t:1:1: error: '192.0.2.1' has no IPv6 address, but 'tcp6' takes no other\n"
         "  hint: write 'tcp' for either family\n"},
        {"[::1]:ftp stream tcp4 nowait root /bin/cat",
         "t:1:2: error: '::1' has no IPv4 address, but 'tcp4' takes no other\n"
         "  hint: write 'tcp' for either family\n"},
    });
}
