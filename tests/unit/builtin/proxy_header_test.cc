#include "builtin/proxy_header.h"

#include <doctest/doctest.h>
#include <string>

using namespace inetd;

namespace {

// "192.0.2.1:4711 198.51.100.2:80 +44", or what else became of it.
std::string read(const std::string& bytes) {
    const ProxyHeader header = parse_proxy_header(bytes);
    if (header.state == ProxyHeader::State::more) return "more";
    if (header.state == ProxyHeader::State::bad) return "bad";
    const std::string size = "+" + std::to_string(header.size);
    if (!header.source) return size;
    return header.source->to_string() + " " + header.destination->to_string() + " " + size;
}

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text += static_cast<char>(value);
    return text;
}

std::string binary(int command, int kind, const std::string& rest) {
    const auto size = static_cast<int>(rest.size());
    return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + bytes({command, kind, size >> 8, size & 255}) +
           rest;
}

const std::string kV4 = bytes({192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80});

} // namespace

TEST_CASE("proxy header: lines of version 1") {
    const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n";
    const std::string shown = "192.0.2.1:4711 198.51.100.2:80 +43";
    CHECK(read(line) == shown);
    CHECK(read(line + "PROXY") == shown);
    for (std::size_t size = 0; size < line.size(); ++size)
        CHECK(read(line.substr(0, size)) == "more");
    CHECK(read("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n") == "[2001:db8::1]:65535 [::1]:0 +36");
    CHECK(read("PROXY UNKNOWN\r\n") == "+15");
    CHECK(read("PROXY UNKNOWN whatever  this is\r\n") == "+33");
}

TEST_CASE("proxy header: lines that are none") {
    for (const char* text :
         {"GET / HTTP/1.0\r\n", "proxy TCP4", "PROXX", "\r\n\r\nX", "PROXY TCP4\r\n",
          "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
          "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
          "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
          "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
          "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
          "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 localhost 192.0.2.2 1 2\r\n"}) {
        CAPTURE(text);
        CHECK(read(text) == "bad");
    }
    const std::string start = "PROXY UNKNOWN ";
    CHECK(read(start + std::string(107 - start.size() - 2, 'x') + "\r\n") == "+107");
    CHECK(read(start + std::string(106 - start.size(), 'x')) == "more");
    CHECK(read(start + std::string(107 - start.size(), 'x')) == "bad");
    CHECK(read(start + std::string(107 - start.size() - 1, 'x') + "\r\n") == "bad");
    CHECK(read(start + std::string(100'000, 'x')) == "bad");
}

TEST_CASE("proxy header: version 2") {
    const std::string v4 = binary(0x21, 0x11, kV4);
    CHECK(read(v4) == "192.0.2.1:4711 10.0.0.1:80 +28");
    CHECK(read(v4 + v4) == "192.0.2.1:4711 10.0.0.1:80 +28");
    for (std::size_t size = 0; size < v4.size(); ++size)
        CHECK(read(v4.substr(0, size)) == "more");
    // What follows the addresses are extensions, which belong to the header.
    CHECK(read(binary(0x21, 0x11, kV4 + std::string(500, 'x'))) ==
          "192.0.2.1:4711 10.0.0.1:80 +528");
    std::string hosts(32, '\0');
    hosts[15] = 1;
    hosts[31] = 2;
    CHECK(read(binary(0x21, 0x21, hosts + bytes({0, 1, 0, 2}))) == "[::1]:1 [::2]:2 +52");
    CHECK(read(binary(0x20, 0x00, "")) == "+16");
    CHECK(read(binary(0x20, 0x11, kV4)) == "+28");
    CHECK(read(binary(0x21, 0x00, "xyz")) == "+19");
    CHECK(read(binary(0x21, 0x31, std::string(216, 'x'))) == "+232");
}

TEST_CASE("proxy header: what version 2 does not allow") {
    CHECK(read(binary(0x22, 0x11, kV4)) == "bad");
    CHECK(read(binary(0x11, 0x11, kV4)) == "bad");
    CHECK(read(binary(0x21, 0x12, kV4)) == "bad");
    CHECK(read(binary(0x21, 0x41, kV4)) == "bad");
    CHECK(read(binary(0x21, 0x11, kV4.substr(1))) == "bad");
    CHECK(read(binary(0x21, 0x21, kV4)) == "bad");
    const std::size_t most = ProxyHeader::kLongest - 16;
    CHECK(read(binary(0x20, 0x00, std::string(most, 'x'))) == "+2048");
    CHECK(read(binary(0x20, 0x00, std::string(most + 1, 'x'))) == "bad");
    // Told by the length alone, before a byte of it is there.
    CHECK(read(binary(0x20, 0x00, std::string(most + 1, 'x')).substr(0, 16)) == "bad");
}
