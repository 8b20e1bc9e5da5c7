#include "settings_cases.h"

using namespace inetd;
using namespace inetd::test;

TEST_CASE("settings: a file that says nothing changes nothing") {
    check({{kEcho, "", kEchoDump + "\n"},
           {kEcho, "# nothing\n// nothing\n/* nothing */", kEchoDump + "\n"},
           {kEcho, "daemon = {}; defaults : {}; services = ();", kEchoDump + "\n"},
           {kEcho,
            "\xEF\xBB\xBF"
            "defaults = { instances = 3; };",
            kEchoDump + " instances=3\n"}});
}

TEST_CASE("settings: each key has its value") {
    check_default(kEcho, kEchoDump,
                  {{"instances = 7;", " instances=7"},
                   {"instances = 0;", " instances=0"},
                   {"instances = 0x10;", " instances=16"},
                   {"per_source = 3;", " per_source=3"},
                   {"rate = \"300/min\";", " starts=300"},
                   {"rate = \"50/s burst 100\";", " starts=50/s burst 100"},
                   {"rate = 0;", ""},
                   {"per_source = 1; source_prefix_v4 = 24; source_prefix_v6 = 48;",
                    " per_source=1 v4=24 v6=48"},
                   {"rate_per_source = \"10/h\";", " source_starts=10/h"},
                   {"overflow = \"queue\";", ""},
                   {"overflow = \"refuse\";", " refuses"},
                   {"backlog = 5;", " backlog=5"},
                   {"send_buffer = 4096;", " sndbuf=4096"},
                   {"receive_buffer = \"64k\";", " rcvbuf=65536"},
                   {"receive_buffer = \"1M\";", " rcvbuf=1048576"},
                   {"idle_timeout = 90;", " idle=90000"},
                   {"idle_timeout = 0.5;", " idle=500"},
                   {"idle_timeout = 0;", " idle=0"},
                   {"idle_timeout = \"90s\";", " idle=90000"},
                   {"idle_timeout = \"2h\";", " idle=7200000"},
                   {"idle_timeout = \"250ms\";", " idle=250"},
                   {"idle_timeout = \"1day\";", " idle=86400000"},
                   {"session_timeout = 90;", " session=90000"},
                   {"kill_on_disconnect = true;", " kill_on_disconnect"},
                   {"keepalive = true;", " keepalive"},
                   {"nodelay = true;", " nodelay"},
                   {"defer_accept = 3;", " defer=3"},
                   {"reuse_port = true;", " reuse_port"},
                   {"freebind = true;", " freebind"},
                   {"bind_to_device = \"eth0\";", " on:eth0"},
                   {"bind_to_device = \"\";", ""},
                   {"tos = 32;", " tos=32"},
                   {"tos = \"ef\";", " tos=184"},
                   {"tos = \"lowdelay\";", " tos=16"},
                   {"mark = 0x10;", " mark=16"},
                   {"mark = 4294967295L;", " mark=4294967295"},
                   {"enabled = true;", ""}});
    check_default(kFile, kFileDump,
                  {{"socket_user = \"root\";", " owner=0"},
                   {"socket_user = 12345;", " owner=12345"},
                   {"socket_group = \"root\";", " group=0"},
                   {"socket_mode = \"0660\";", " mode=0660"},
                   {"socket_mode = 0660;", " mode=0660"},
                   {"socket_mode = 600;", " mode=0600"}});
    check_default(kCat, kCatDump,
                  {{"env = [\"A=b c\", \"E=\"];", " env:A=b c env:E="},
                   {"env = ();", ""},
                   {"pass_env = (\"EDITOR\", \"LC_ALL\");", " pass:EDITOR pass:LC_ALL"},
                   {"umask = \"027\";", " umask=0027"},
                   {"umask = 77;", " umask=0077"},
                   {"directory = \"/usr\";", " in:/usr"},
                   {"nice = -20;", " nice=-20"},
                   {"nice = 19;", " nice=19"},
                   {"stderr = \"socket\";", ""},
                   {"stderr = \"journal\";", " stderr:journal"},
                   {"stderr = \"/var/log/x\";", " stderr:/var/log/x"}});
    check({{kEcho, "defaults = { enabled = false; };",
            "t: warning: there are no services in this configuration\n"}});
}

TEST_CASE("settings: a value of the wrong type or size") {
    const std::string count = "'instances' takes a whole number from 0 to 1000000000, not ";
    const std::string span =
        "takes a time from 0 to 31536000 s, as in 90, 0.5, \"90s\" or \"5min\", not ";
    const std::string rate =
        "'rate' takes a rate, as in \"50/s\", \"300/min\" or \"10/h burst 20\", or 0, not ";
    const std::string bytes =
        "'send_buffer' takes a number of bytes below 1 GiB, as in 65536, \"64k\" or \"1m\", not ";
    const std::string device =
        "'bind_to_device' takes the name of a network interface, as in \"eth0\", not ";
    const std::string tos = "'tos' takes a class, as in \"cs1\", \"af41\" or \"ef\", or a multiple "
                            "of 4 below 256, not ";
    const std::string mode = "'umask' takes an octal mode up to 777, as in \"0660\", not ";
    check_wrong({
        {"instances = -1;", count + "-1"},
        {"instances = 1000000001;", count + "1000000001"},
        {"instances = 99999999999;", "the number of 'instances' is too large"},
        {"instances = 99999999999999999999;", "the number of 'instances' is too large"},
        {"instances = 0x1FFFFFFFF;", "the number of 'instances' is too large"},
        {"instances = 99999999999L;", count + "99999999999"},
        {"instances = 1.5;", count + "1.5"},
        {"instances = \"7\";", count + "'7'"},
        {"instances = true;", count + "true"},
        {"instances = [1, 2];", count + "a list"},
        {"instances = { };", count + "a group"},
        {"nice = -21;", "'nice' takes a whole number from -20 to 19, not -21"},
        {"nice = 20;", "'nice' takes a whole number from -20 to 19, not 20"},
        {"enabled = 1;", "'enabled' takes true or false, not 1"},
        {"enabled = \"yes\";", "'enabled' takes true or false, not 'yes'"},
        {"idle_timeout = -1;", "'idle_timeout' " + span + "-1"},
        {"idle_timeout = 1e9;", "'idle_timeout' " + span + "1000000000"},
        {"idle_timeout = \"5m\";", "'idle_timeout' " + span + "'5m'"},
        {"idle_timeout = \"s\";", "'idle_timeout' " + span + "'s'"},
        {"idle_timeout = \"366day\";", "'idle_timeout' " + span + "'366day'"},
        {"rate = 60;", rate + "60\n  hint: write \"60/min\" or \"60/s\""},
        {"rate = -1;", rate + "-1"},
        {"rate = \"fast\";", rate + "'fast'"},
        {"rate = \"0/s\";", rate + "'0/s'"},
        {"overflow = \"refused\";",
         "'overflow' takes \"queue\" or \"refuse\", not 'refused'\n  hint: did you mean 'refuse'?"},
        {"send_buffer = -1;", bytes + "-1"},
        {"send_buffer = \"2g\";", bytes + "'2g'"},
        {"send_buffer = \"1024m\";", bytes + "'1024m'"},
        {"umask = 888;", mode + "888"},
        {"umask = 1000;", mode + "1000"},
        {"umask = \"u+x\";", mode + "'u+x'"},
        {"umask = -22;", mode + "-22"},
        {"umask = \"\";", mode + "''"},
        {"socket_user = \"rot\";",
         "'socket_user': unknown user 'rot'\n  hint: did you mean 'root'?"},
        {"socket_group = -5;", "'socket_group': unknown group '-5'"},
        {"socket_user = true;", "'socket_user' takes the name or the number of a user, not true"},
        {"directory = \"usr\";", "'directory' takes the absolute path of a directory, not 'usr'"},
        {"directory = \"/nonexistent\";", "'directory': '/nonexistent': No such file or directory"},
        {"directory = \"/etc/passwd\";", "'directory': '/etc/passwd': Not a directory"},
        {"defer_accept = 3601;", "'defer_accept' takes a whole number from 0 to 3600, not 3601"},
        {"mark = -1;", "'mark' takes a whole number from 0 to 4294967295, not -1"},
        {"bind_to_device = \"sixteen-letters-\";", device + "'sixteen-letters-'"},
        {"bind_to_device = \"a b\";", device + "'a b'"},
        {"bind_to_device = 1;", device + "1"},
        {"tos = 3;", tos + "3"},
        {"tos = 256;", tos + "256"},
        {"tos = \"af14\";", tos + "'af14'\n  hint: did you mean 'af11'?"},
        {"stderr = \"logs\";", "'stderr' takes \"socket\", \"journal\", \"log\", \"null\" or the "
                               "absolute path of a file, not 'logs'\n  hint: did you mean 'log'?"},
        {"stderr = \"/nonexistent/x\";", "'stderr': '/nonexistent': No such file or directory"},
    });
}

TEST_CASE("settings: where messages go") {
    const auto daemon = [](const std::string& text) {
        return load_config_text(kEcho, "t", plain(), "daemon = { " + text + " };");
    };
    CHECK(daemon("").daemon.log_target.empty());
    CHECK(daemon("").daemon.log_facility == "daemon");
    CHECK(daemon("").daemon.log_level == "info");
    CHECK(daemon("log_target = \"/var/log/inetd.log\";").daemon.log_target == "/var/log/inetd.log");
    CHECK(daemon("log_target = \"journal\";").daemon.log_target == "journal");
    CHECK(daemon("log_facility = \"local7\";").daemon.log_facility == "local7");
    CHECK(daemon("log_level = \"debug\";").daemon.log_level == "debug");
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"log_target = \"syslogd\";",
         "'log_target' takes \"journal\", \"syslog\", \"stderr\" or the absolute path of a file, "
         "not 'syslogd'\n  hint: did you mean 'syslog'?"},
        {"log_target = \"/nonexistent/log\";",
         "'log_target': '/nonexistent': No such file or directory"},
        {"log_target = \"/usr\";", "'log_target': '/usr': Is a directory"},
        {"log_target = \"/etc/passwd/log\";", "'log_target': '/etc/passwd': Not a directory"},
        {"log_facility = \"local8\";",
         "'log_facility' takes the name of a facility, as in \"daemon\", \"auth\" or \"local0\", "
         "not 'local8'\n  hint: did you mean 'local0'?"},
        {"log_level = 7;", "'log_level' takes \"error\", \"warning\", \"notice\", \"info\" or "
                           "\"debug\", not 7"},
    };
    for (const auto& [key, message] : wrong)
        check({{kEcho, "daemon = { " + key + " };", "s:1: error: " + message + "\n"}});
}

TEST_CASE("settings: variables that cannot be had") {
    const std::string env = "'env' takes a list of strings, as in [\"NAME=VALUE\"]";
    const std::string pass = "'pass_env' takes a list of strings, as in [\"NAME\"]";
    check_wrong({
        {"env = \"A=b\";", env + ", not 'A=b'"},
        {"env = [\"A\"];", env + "; 'A' is none of these"},
        {"env = [1];", env + "; 1 is none of these"},
        {"env = [\"=b\"];", "'env': '' is not the name of a variable"},
        {"env = [\"A B=c\"];", "'env': 'A B' is not the name of a variable"},
        {"env = [\"A=1\", \"A=2\"];", "'env': 'A' is there twice"},
        {"env = [\"REMOTE_ADDR=::1\"];", "'env': 'REMOTE_ADDR' is set for each client"},
        {"pass_env = [\"A=b\"];", pass + "; 'A=b' is none of these"},
        {"pass_env = [\"HOME\"];",
         "'pass_env': 'HOME' is set for the user of the service; 'env' can change it"},
        {"pass_env = [\"NOTIFY_SOCKET\"];", "'pass_env': 'NOTIFY_SOCKET' is meant for inetd alone"},
        {"pass_env = [\"1A\"];", "'pass_env': '1A' is not the name of a variable"},
    });
}

TEST_CASE("settings: keys that are not there, or not here") {
    check_wrong({
        {"instance = 1;", "unknown key 'instance'\n  hint: did you mean 'instances'?"},
        {"Instances = 1;", "unknown key 'Instances'\n  hint: did you mean 'instances'?"},
        {"frobnicate = 1;", "unknown key 'frobnicate'"},
        {"only_form = 1;", "unknown key 'only_form'\n  hint: did you mean 'only_from'?"},
        {"strict = true;", "unknown key 'strict'\n  hint: it belongs in 'daemon'"},
        {"name = \"x\";", "unknown key 'name'"},
    });
    check({
        {kEcho, "damon = { };",
         "s:1: error: unknown key 'damon'\n  hint: did you mean 'daemon'?\n"},
        {kEcho, "instances = 1;",
         "s:1: error: unknown key 'instances'\n  hint: it belongs in 'defaults'\n"},
        {kEcho, "stop_timeout = 1;",
         "s:1: error: unknown key 'stop_timeout'\n  hint: it belongs in 'daemon'\n"},
        {kEcho, "daemon = { instances = 1; };",
         "s:1: error: unknown key 'instances'\n  hint: it belongs in 'defaults'\n"},
        {kEcho, "daemon = 1;",
         "s:1: error: 'daemon' is a group\n  hint: write daemon = { log_connections = true; }\n"},
        {kEcho, "defaults = ( );",
         "s:1: error: 'defaults' is a group\n  hint: write defaults = { instances = 100; }\n"},
        {kEcho, "services = { };",
         "s:1: error: 'services' is a list of groups\n"
         "  hint: write services = ( { name = \"ftp\"; instances = 10; } );\n"},
        {kEcho, "services = ( 1 );",
         "s:1: error: an entry of 'services' is a group\n  hint: write { name = \"ftp\"; ... }\n"},
    });
}

TEST_CASE("settings: all errors are found in one go") {
    check({{kEcho,
            "daemon = { strict = 1; x = 2; dump_file = \"dump\"; };\ndefaults = { nice = 99;\n "
            "umask = 9; };\n"
            "services = (\n { name = \"8\"; },\n { instances = 1; } );",
            "s:1: error: 'strict' takes true or false, not 1\n"
            "s:1: error: unknown key 'x'\n"
            "s:1: error: 'dump_file' takes the absolute path of a file, not 'dump'\n"
            "s:2: error: 'nice' takes a whole number from -20 to 19, not 99\n"
            "s:3: error: 'umask' takes an octal mode up to 777, as in \"0660\", not 9\n"
            "s:6: error: this entry of 'services' has no 'name'\n"
            "s:5: error: no service is named '8'\n  hint: write the name as inetd.conf has it\n"}});
}

TEST_CASE("settings: a redirect overrides the line's, and is told where it is wrong") {
    const std::string bare = "80 stream tcp4 nowait root internal redirect\n";
    const std::string line = "80 stream tcp4 nowait root internal redirect 127.0.0.1 1\n";
    const std::string shown = "80/tcp4 stream 0.0.0.0:80 nowait root:0 <redirect> -> ";
    const auto entry = [](const std::string& target) {
        return "\nservices = ( { name = \"80\"; redirect = \"" + target + "\"; } );";
    };
    check({{bare, entry("127.0.0.1 8080"), shown + "127.0.0.1:8080\n"},
           {line, entry("[::1]:8080"), shown + "[::1]:8080\n"},
           {line, entry("/run/x"), shown + "/run/x\n"},
           {bare, "defaults = { redirect = \"@x\"; };", shown + "@x\n"},
           {line, "defaults = { redirect = \"@x\"; };", shown + "127.0.0.1:1\n"},
           {bare, entry("127.0.0.1 99999"),
            "s:2: error: 'redirect': '99999' is not a port number\n"
            "  hint: ports are numbers from 1 to 65535\n"},
           {bare, entry("127.0.0.1"),
            "s:2: error: 'redirect' takes \"HOST PORT\", \"HOST:PORT\", \"[ADDRESS]:PORT\" or the "
            "\"/path\" or \"@name\" of a unix socket, not '127.0.0.1'\n"},
           {kEcho, "\nservices = ( { name = \"7\"; redirect = \"@x\"; } );",
            kEchoDump + "\ns:2: warning: 'redirect' has no effect on 7/tcp4, which is not "
                        "'internal redirect'\n"}});
}
