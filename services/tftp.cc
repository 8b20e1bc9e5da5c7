// A read-only TFTP server (RFC 1350) for the directory argv[1], with the options blksize and tsize
// (RFC 2347 to 2349). The request waits on a socket that is connected to the client; the file is
// sent from a port of its own, so that a transfer is known by its two ports.
//
// inetd.conf: 10069 dgram udp nowait nobody /usr/libexec/inetd/tftp tftp /srv/tftp
// try: tftp -m binary localhost 10069 -c get motd

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

enum Opcode : char { kRead = 1, kWrite, kData, kAck, kError, kOptionAck };

struct Refusal {
    unsigned code;
    const char* text;
};

static std::string header(Opcode opcode, unsigned number) {
    return {'\0', opcode, static_cast<char>(number >> 8), static_cast<char>(number)};
}

// Sends the packet until the client has acknowledged that block; false when the client has gone.
// Only silence repeats a packet: were an old acknowledgement to do so too, each would beget
// another.
static bool deliver(int client, const std::string& packet, unsigned block) {
    alarm(60);
    for (int attempt = 0; attempt < 5; ++attempt) {
        if (send(client, packet.data(), packet.size(), 0) < 0) return false;
        char answer[512];
        ssize_t size;
        while ((size = recv(client, answer, sizeof answer, 0)) >= 0) {
            const std::string_view got(answer, static_cast<std::size_t>(size));
            if (got.starts_with(header(kAck, block))) return true;
            if (got.size() > 1 && got[1] == kError) return false;
        }
        if (errno != EAGAIN) return false;
    }
    return false;
}

// The next block of the file. In text mode one byte may become two, the second of which may not fit
// in the block any more and is carried over to the next.
static std::string next_block(FILE* file, std::size_t size, bool text, std::string& carry) {
    std::string block = std::exchange(carry, "");
    for (int c; block.size() < size && (c = std::getc(file)) != EOF;) {
        if (text && c == '\n') block += '\r';
        block += static_cast<char>(c);
        if (text && c == '\r') block += '\0';
    }
    carry = block.substr(std::min(size, block.size()));
    block.resize(block.size() - carry.size());
    return block;
}

static FILE* open_below(const char* root, const std::string& name) {
    open_how how{};
    how.flags = O_RDONLY | O_NONBLOCK;
    how.resolve = RESOLVE_BENEATH;
    const char* path = name.c_str() + std::min(name.find_first_not_of('/'), name.size());
    const auto fd = syscall(SYS_openat2, open(root, O_PATH), path, &how, sizeof how);
    struct stat facts {};
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) throw Refusal{1, "there is no such file"};
    if (fd < 0 || fstat(static_cast<int>(fd), &facts) != 0 || !S_ISREG(facts.st_mode))
        throw Refusal{2, "that is not for you"};
    return fdopen(static_cast<int>(fd), "r");
}

// Sets the block size and returns the acknowledgement of the options that are understood.
static std::string accept_options(const std::vector<std::string>& fields, int file, bool text,
                                  std::size_t& block_size) {
    std::string accepted{'\0', kOptionAck};
    for (std::size_t i = 2; i + 1 < fields.size(); i += 2) {
        std::size_t value = std::strtoul(fields[i + 1].c_str(), nullptr, 10);
        struct stat facts {};
        if (strcasecmp(fields[i].c_str(), "blksize") == 0 && value >= 8)
            value = block_size = std::min<std::size_t>(value, 65464);
        else if (strcasecmp(fields[i].c_str(), "tsize") == 0 && !text && fstat(file, &facts) == 0)
            value = static_cast<std::size_t>(facts.st_size);
        else
            continue;
        accepted += fields[i] + '\0' + std::to_string(value) + '\0';
    }
    return accepted;
}

static void serve(int client, std::string_view request, const char* root) {
    if (request[0] != '\0' || request[1] != kRead)
        throw Refusal{request[1] == kWrite ? 2U : 4U, "files are read here, and that is all"};
    std::vector<std::string> fields; // name, mode, then pairs of an option and its value
    request.remove_prefix(2);
    for (auto end = request.find('\0'); end != request.npos; end = request.find('\0')) {
        fields.emplace_back(request.substr(0, end));
        request.remove_prefix(end + 1);
    }
    const bool text = fields.size() > 1 && strcasecmp(fields[1].c_str(), "netascii") == 0;
    if (!text && (fields.size() < 2 || strcasecmp(fields[1].c_str(), "octet") != 0))
        throw Refusal{4, "the mode is octet or netascii"};

    FILE* file = open_below(root, fields[0]);
    std::size_t block_size = 512;
    const std::string accepted = accept_options(fields, fileno(file), text, block_size);
    if (accepted.size() > 2 && !deliver(client, accepted, 0)) return;
    std::string block;
    std::string carry;
    std::uint16_t number = 0;
    do {
        block = next_block(file, block_size, text, carry);
        ++number;
    } while (deliver(client, header(kData, number) + block, number) && block.size() == block_size);
}

int main(int argc, char** argv) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* end = reinterpret_cast<sockaddr*>(&address);
    char request[1024];
    const ssize_t got = recv(0, request, sizeof request, MSG_DONTWAIT);
    if (got < 2 || request[1] == kError || getsockname(0, end, &size) != 0) return EXIT_FAILURE;

    const int client = socket(address.ss_family, SOCK_DGRAM, 0);
    const timeval pause{argc > 2 ? std::atol(argv[2]) : 3, 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    reinterpret_cast<sockaddr_in*>(end)->sin_port = 0; // which is where IPv6 has it, too
    if (bind(client, end, size) != 0 || getpeername(0, end, &size) != 0 ||
        connect(client, end, size) != 0)
        return EXIT_FAILURE;
    try {
        serve(client, {request, static_cast<std::size_t>(got)}, argc > 1 ? argv[1] : "/srv/tftp");
    } catch (const Refusal& refusal) {
        const std::string packet = header(kError, refusal.code) + refusal.text + '\0';
        send(client, packet.data(), packet.size(), 0);
    }
}
