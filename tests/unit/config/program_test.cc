#include "expect.h"

#include <doctest/doctest.h>

using namespace inetd::test;

TEST_CASE("the program and its arguments") {
    check_all({
        {"ftp stream tcp nowait root /bin/cat cat -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [cat] [-u]\n"},
        {"ftp stream tcp nowait root cat", "t:1:28: error: program 'cat' has no absolute path\n"
                                           "  hint: did you mean '/usr/bin/cat'?\n"},
        {"ftp stream tcp nowait root nosuchprogram",
         "t:1:28: error: program 'nosuchprogram' has no absolute path\n"
         "  hint: write its full path, or 'internal' for a built-in service\n"},
        {"ftp stream tcp nowait root /opt/cat",
         "t:1:28: error: program '/opt/cat': No such file or directory\n"
         "  hint: did you mean '/usr/bin/cat'?\n"},
        {"ftp stream tcp nowait root /tmp", "t:1:28: error: program '/tmp' is not a file\n"},
        {"ftp stream tcp nowait root /etc/passwd",
         "t:1:28: error: program '/etc/passwd' is not executable\n"
         "  hint: chmod +x /etc/passwd; or is its file system mounted noexec?\n"},
        {"ftp stream tcp nowait root /bin/cat -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [-u]\n"
         "t:1:37: warning: '-u' becomes argv[0], the name that the program is started by\n"
         "  hint: for an argument, write 'cat -u'\n"},
        {"ftp stream tcp nowait root /usr/bin/env /bin/cat",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /usr/bin/env [/bin/cat]\n"
         "t:1:41: warning: '/bin/cat' becomes argv[0], the name that the program is started by\n"
         "  hint: for an argument, write 'env /bin/cat'\n"},
        {"ftp stream tcp nowait root /bin/cat /bin/cat -u",
         "ftp/tcp stream 0.0.0.0:21 [::]:21 nowait root:0 /bin/cat [/bin/cat] [-u]\n"},
        {"127.0.0.1: ftp stream tcp nowait root /bin/cat",
         "t:1:1: error: no service follows '127.0.0.1:'\n"
         "  hint: write address and service as one word, as in '127.0.0.1:ftp'\n"},
        {"127.0.0.1: extra stream tcp nowait root /bin/cat",
         "t:1:1: error: no service follows '127.0.0.1:'\n"
         "  hint: write address and service as one word, as in '127.0.0.1:ftp'\n"},
        {"ftp stream tcp nowait root /usr/sbin/nosuch-server",
         "t:1:28: error: program '/usr/sbin/nosuch-server': No such file or directory\n"},
    });
}
