#include "settings_cases.h"

using namespace inetd;
using namespace inetd::test;

TEST_CASE("settings: balancers and sensors") {
    const auto entry = [](const std::string& name, const std::string& keys) {
        return "\nservices = ( { name = \"" + name + "\"; " + keys + " } );";
    };
    check({{kEcho, entry("7", "proxy_protocol = true; proxy_from = [\"192.0.2.9/24\", \"::1\"];"),
            kEchoDump + " proxied by:192.0.2.0/24 by:::1\n"},
           {kUnix, entry("@x", "proxy_protocol = true;"), kUnixDump + " proxied\n"},
           {kEcho, entry("7", "proxy_protocol = true;"),
            "t:1:1: error: 'proxy_protocol' without 'proxy_from' would let nobody in\n"
            "  hint: list your balancers in inetd.cfg: proxy_from = [\"192.0.2.1\"];\n"},
           {kEcho, entry("7", "proxy_from = [\"lb.example.org\"];"),
            "s:2: error: 'proxy_from': 'lb.example.org' is not an address or a network\n"
            "  hint: write them in digits, as in \"192.0.2.1\" or \"2001:db8::/64\"\n"},
           {kEcho, entry("7", "proxy_from = \"::1\";"),
            "s:2: error: 'proxy_from' takes a list of addresses and networks, as in "
            "[\"192.0.2.1\", \"2001:db8::/64\"], not '::1'\n"},
           {kEcho, entry("7", "sensor = \"10min\";"), kEchoDump + " sensor=600000\n"},
           {kDgram, entry("9", "sensor = 60;"),
            kDgramDump + " sensor=60000\ns:2: warning: 'sensor' has no effect on 9/udp4, which is "
                         "'wait': its server takes the clients itself\n"}});
}

TEST_CASE("settings: who may come, and when") {
    const auto entry = [](const std::string& keys) {
        return "\nservices = ( { name = \"7\"; " + keys + " } );";
    };
    const std::string forms =
        "  hint: write an address or a network as in \"192.0.2.0/24\", a name as in "
        "\"host.example.org\", \".example.org\", \"uid:NAME\", \"gid:NAME\" or \"*\"\n";
    check({{kEcho, entry("only_from = [\"192.0.2.9/24\", \"::1\", \"Mail.Example.ORG.\", \".x\"];"),
            kEchoDump + " from1:192.0.2.0/24 from1:::1 from2:mail.example.org from3:x\n"},
           {kEcho, entry("no_access = [\"*\", \"uid:root\", \"gid:7\"];"),
            kEchoDump + " not0:0 not4:0 not5:7\n"},
           {kEcho, entry("only_from = [];"), kEchoDump + "\n"},
           {kEcho, entry("access_times = [\"8:00-18:30\", \"22:00-00:00\", \"23:15-06:00\"];"),
            kEchoDump + " at:480-1110 at:1320-1440 at:1395-360\n"},
           {kEcho, entry("max_load = 4;"), kEchoDump + " max_load=4\n"},
           {kEcho, entry("max_load = 0.5; libwrap = false;"), kEchoDump + " max_load=0.5\n"},
           {kEcho, entry("only_from = \"192.0.2.1\";"),
            "s:2: error: 'only_from' takes a list of clients, as in [\"192.0.2.0/24\", "
            "\".example.org\"], not '192.0.2.1'\n"},
           {kEcho, entry("only_from = [\"a b\"];"),
            "s:2: error: 'only_from': 'a b' is nobody\n" + forms},
           {kEcho, entry("no_access = [7];"), "s:2: error: 'no_access': 7 is nobody\n" + forms},
           {kEcho, entry("only_from = [\"all\"];"),
            "s:2: error: 'only_from': 'ALL' would be the name of a host\n  hint: did you mean "
            "'*'?\n"},
           {kEcho, entry("only_from = [\"10.\"];"),
            "s:2: error: 'only_from': '10.' is the beginning of an address\n"
            "  hint: did you mean '10.0.0.0/8'?\n"},
           {kEcho, entry("only_from = [\"10.0.0.0\"];"),
            kEchoDump + " from1:10.0.0.0\ns:2: warning: 'only_from': '10.0.0.0' is one address\n"
                        "  hint: for the network, write '10.0.0.0/8'\n"},
           {kEcho, entry("access_times = [\"18:00-18:00\"];"),
            "s:2: error: 'access_times': '18:00-18:00' is not a time of the day\n"
            "  hint: write it as in \"08:00-18:00\", or \"22:00-06:00\" over midnight\n"},
           {kEcho, entry("max_load = \"4\";"),
            "s:2: error: 'max_load' takes a load average, as in 4.0, or 0, not '4'\n"}});
}
