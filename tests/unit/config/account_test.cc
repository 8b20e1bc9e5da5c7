#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("the user column") {
    check_all({
        {"ftp stream tcp nowait root.daemon /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:1 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait root:daemon /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:1 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait 0:1 /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:1 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait 4242:4242 /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait 4242:4242 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait 4242.1 /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait 4242:1 /bin/cat [cat]\n"},
        {"ftp stream tcp nowait 4242 /bin/cat",
         "t:1:23: error: user '4242' has no entry in passwd(5), and so no group\n"
         "  hint: name a group too, as in '4242:4242'\n"},
        {"ftp stream tcp nowait nobdy /bin/cat", "t:1:23: error: unknown user 'nobdy'\n"
                                                 "  hint: did you mean 'nobody'?\n"},
        {"ftp stream tcp nowait root:demon /bin/cat", "t:1:23: error: unknown group 'demon'\n"
                                                      "  hint: did you mean 'daemon'?\n"},
        {"ftp stream tcp nowait root/daemon /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat]\n"
         "t:1:27: warning: login class 'daemon' is ignored\n"
         "  hint: Linux has no login classes; 'rlimits' in inetd.cfg sets limits\n"},
        {"ftp stream tcp nowait root:daemon/staff /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:1 /bin/cat [cat]\n"
         "t:1:34: warning: login class 'staff' is ignored\n"
         "  hint: Linux has no login classes; 'rlimits' in inetd.cfg sets limits\n"},
        {"ftp stream tcp nowait 4294967295:1 /bin/cat",
         "t:1:23: error: unknown user '4294967295'\n"},
        {"ftp stream tcp nowait root: /bin/cat",
         "t:1:23: error: 'root:' lacks a name\n"
         "  hint: write 'user', 'user.group' or 'user:group'\n"},
        {"finger stream tcp nowait root.nosuchgroup /bin/cat",
         "t:1:26: error: unknown group 'nosuchgroup'\n"},
        {"ftp stream tcp nowait :root /bin/cat",
         "t:1:23: error: ':root' lacks a name\n"
         "  hint: write 'user', 'user.group' or 'user:group'\n"},
    });
}
