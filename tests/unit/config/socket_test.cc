#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("the columns of socket type and protocol") {
    check_all({
        {"8080 stream tcp6only nowait nobody /bin/cat",
         "8080/tcp6only stream [::]:8080 nowait nobody:65534 /bin/cat [cat]\n"},
        {"@hidden seqpacket unix nowait root /bin/cat",
         "@hidden/unix seqpacket @hidden nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream,2 tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=2\n"},
        {"ftp stream:httpready tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:1:12: warning: accept filter 'httpready' is ignored\n"
         "  hint: Linux has no accept filters; 'defer_accept' in inetd.cfg comes nearest\n"},
        {"ftp stream,2:dataready,x tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] instances=2\n"
         "t:1:14: warning: accept filter 'dataready,x' is ignored\n"
         "  hint: Linux has no accept filters; 'defer_accept' in inetd.cfg comes nearest\n"},
        {"ftp stream,x tcp nowait root /bin/cat",
         "t:1:12: error: 'x' is not a number for servers at once\n"
         "  hint: write a whole number; 0 stands for no limit\n"},
        {"ftp stream, tcp nowait root /bin/cat",
         "t:1:12: error: the number for servers at once is missing\n"
         "  hint: 0 stands for no limit\n"},
        {"ftp steam tcp nowait root /bin/cat", "t:1:5: error: unknown socket type 'steam'\n"
                                               "  hint: did you mean 'stream'?\n"},
        {"ftp STREAM tcp nowait root /bin/cat", "t:1:5: error: unknown socket type 'STREAM'\n"
                                                "  hint: did you mean 'stream'?\n"},
        {"ftp banana tcp nowait root /bin/cat",
         "t:1:5: error: unknown socket type 'banana'\n"
         "  hint: socket types are stream, dgram, seqpacket and raw\n"},
        {"ftp rdm tcp nowait root /bin/cat",
         "t:1:5: error: no protocol of inetd has 'rdm' sockets\n"
         "  hint: on Linux only TIPC has them; 'dgram' or 'seqpacket' may be what you need\n"},
        {"ftp seqpacket sctp nowait root /bin/cat",
         "ftp/sctp seqpacket 0.0.0.0:21#132 [::]:21#132 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream sctp nowait root /bin/cat",
         "ftp/sctp stream 0.0.0.0:21#132 [::]:21#132 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream mptcp nowait root /bin/cat",
         "ftp/mptcp stream 0.0.0.0:21#262 [::]:21#262 nowait root:0 /bin/cat [cat]\n"},
        {"tftp dgram udplite wait root /bin/cat",
         "tftp/udplite dgram 0.0.0.0:69#136 [::]:69#136 wait root:0 /bin/cat [cat]\n"},
        {"1234 stream vsock nowait root /bin/cat",
         "1234/vsock stream vsock:4294967295:1234 nowait root:0 /bin/cat [cat]\n"},
        {"3:1234 stream vsock nowait root /bin/cat",
         "1234/vsock stream vsock:3:1234 nowait root:0 /bin/cat [cat]\n"},
        {"host:1234 stream vsock nowait root /bin/cat",
         "t:1:1: error: 'host' is not a context of vsock\n"
         "  hint: write the number of the context (CID), or '*'; see vsock(7)\n"},
        {"ftp stream vsock nowait root /bin/cat",
         "t:1:1: error: 'ftp' is not a port of vsock\n"
         "  hint: ports of vsock are numbers from 1 to 4294967294\n"},
        {"ping raw icmp wait root /bin/cat",
         "ping/icmp raw 0.0.0.0:0#1 wait root:0 /bin/cat [cat]\n"},
        {"ping raw 1 wait root /bin/cat", "ping/1 raw 0.0.0.0:0#1 wait root:0 /bin/cat [cat]\n"},
        {"ping raw ipv6-icmp wait root /bin/cat",
         "ping/ipv6-icmp raw [::]:0#58 wait root:0 /bin/cat [cat]\n"},
        {"ospf raw ospf6 wait root /bin/cat",
         "ospf/ospf6 raw [::]:0#89 wait root:0 /bin/cat [cat]\n"},
        {"ping raw icmp6 wait root /bin/cat", "t:1:10: error: unknown protocol 'icmp6'\n"
                                              "  hint: did you mean 'ipv6-icmp'?\n"},
        {"ping raw icmp nowait root /bin/cat",
         "t:1:15: error: a raw service cannot be 'nowait'\n"
         "  hint: a raw socket accepts no connections: write 'wait'\n"},
        {"ping raw nosuch wait root /bin/cat",
         "t:1:10: error: unknown protocol 'nosuch'\n"
         "  hint: a raw service takes a name or a number of protocols(5)\n"},
        {"ftp stream tcp,sndbuf=64k,rcvbuf=1m nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] sndbuf=65536 "
         "rcvbuf=1048576\n"},
        {"ftp stream tcp,sndbuf=0 nowait root /bin/cat",
         "t:1:23: error: '0' is not a buffer's size\n"
         "  hint: write a number of bytes, or as in '64k' or '1m'; less than 1024m\n"},
        {"ftp stream tcp,rcvbuf=2048m nowait root /bin/cat",
         "t:1:23: error: '2048m' is not a buffer's size\n"
         "  hint: write a number of bytes, or as in '64k' or '1m'; less than 1024m\n"},
        {"ftp stream tcp,sndbuff=1 nowait root /bin/cat",
         "t:1:16: error: unknown suffix 'sndbuff=1'\n"
         "  hint: did you mean 'sndbuf'?\n"},
        {"ftp stream tcp, nowait root /bin/cat",
         "t:1:16: error: unknown suffix ''\n"
         "  hint: a protocol takes ',sndbuf=SIZE' and ',rcvbuf=SIZE'\n"},
        {"ftp stream rpc/tcp nowait root /bin/cat",
         "t:1:12: error: SunRPC services are not supported\n"
         "  hint: start the server on its own; it registers itself with rpcbind(8)\n"},
        {"ftp stream faith/tcp6 nowait root /bin/cat",
         "t:1:12: error: 'faith/tcp6' is a protocol of BSD that Linux does not have\n"
         "  hint: 'tcp' or 'tcp6' may do\n"},
        {"ftp stream tcp5 nowait root /bin/cat", "t:1:12: error: unknown protocol 'tcp5'\n"
                                                 "  hint: did you mean 'tcp'?\n"},
        {"ftp stream unix4 nowait root /bin/cat", "t:1:12: error: unknown protocol 'unix4'\n"
                                                  "  hint: did you mean 'unix'?\n"},
        {"ping raw icmp46 wait root /bin/cat",
         "t:1:10: error: unknown protocol 'icmp46'\n"
         "  hint: a raw service takes a name or a number of protocols(5)\n"},
        {"tunnel raw ipv6 wait root /bin/cat",
         "tunnel/ipv6 raw 0.0.0.0:0#41 wait root:0 /bin/cat [cat]\n"},
        {"[::1]:ospf raw ospf wait root /bin/cat",
         "t:1:2: error: '::1' has no IPv4 address, but 'ospf' takes no other\n"},
    });
}
