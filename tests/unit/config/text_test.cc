#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("lines, quotes and comments") {
    check_all({
        {"ftp stream tcp nowait \"\" /bin/cat",
         "t:1:23: error: '' lacks a name\n"
         "  hint: write 'user', 'user.group' or 'user:group'\n"},
        {"ftp", "t:1:4: error: the socket type is missing\n"
                "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp stream",
         "t:1:11: error: the protocol is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp stream tcp",
         "t:1:15: error: the wait column is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp stream tcp nowait",
         "t:1:22: error: the user is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp stream tcp nowait root",
         "t:1:27: error: the program is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp steam tpc nowiat",
         "t:1:5: error: unknown socket type 'steam'\n"
         "  hint: did you mean 'stream'?\n"
         "t:1:11: error: unknown protocol 'tpc'\n"
         "  hint: protocols are tcp and udp with 4, 6 or 46, unix, sctp, mptcp, udplite and vsock\n"
         "t:1:15: error: 'nowiat' is neither 'wait' nor 'nowait'\n"
         "  hint: did you mean 'nowait'?\n"
         "t:1:21: error: the user is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"ftp stream tcp nowait root /bin/cat cat a#b \"#c\" \\#d",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [a#b] [#c] [#d]\n"},
        {"ftp stream tcp nowait root /bin/cat cat \"a",
         "t:1:41: error: this quote \" is not closed\n"
         "  hint: a quoted text ends on the line where it begins\n"},
        {"# x\n"
         "  ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait root /bin/cat\n"
         "# note\n"
         "  -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:3:5: error: the socket type is missing\n"
         "  hint: a line is: service type protocol wait user program [argv0 argument...]\n"},
        {"#<off># ftp stream tcp nowait root /bin/cat",
         "t: warning: there are no services in this configuration\n"},
        {"#@ ipsec ah/require\n"
         "ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:1:1: warning: the IPsec policy of this line is not applied\n"
         "  hint: set policies with 'ip xfrm policy'; see ip-xfrm(8)\n"},
        {".includ x", "t:1:1: error: unknown directive '.includ'\n"
                      "  hint: did you mean '.include'?\n"},
        {".include", "t:1:1: error: '.include' takes one file name or pattern\n"
                     "  hint: write '.include \"inetd.d/*.conf\"'\n"},
        {".include \"/nonexistent\"",
         "t:1:10: error: cannot read /nonexistent: No such file or directory\n"},
        {"ftp stream tcp nowait root /bin/cat cat 'a b' \"c \\\" d\" e\\ f \"g\"h # comment",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [a b] [c \" d] [e f] "
         "[gh]\n"},
        {"ftp stream tcp nowait root /bin/cat cat \"a\\$b\\x\" 'c\\d' ''",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [a$b\\x] [c\\d] []\n"},
        {"ftp stream tcp nowait root /bin/cat\n"
         "\tcat\n"
         "  -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [-u]\n"},
        {"ftp stream tcp nowait root /bin/cat cat \"a\\\n"
         "b\"",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [ab]\n"},
        {"\"ftp\" 'stream' t\"c\"p nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait root /bin/cat \\ \n",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [ ]\n"
         "t:1:37: warning: blanks follow this backslash, so that it does not join two lines\n"
         "  hint: remove the blanks at the end of the line\n"},
        {"ftp stream tcp nowait root /bin/cat\n"
         "   # a note within\n"
         "   cat -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [-u]\n"},
        {"  ftp stream tcp nowait root /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait root /bin/cat \\",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"},
        {"ftp on \"x\\", "t:1:8: error: this quote \" is not closed\n"
                         "  hint: a quoted text ends on the line where it begins\n"},
    });
}
