#include "systemd/journal.h"

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <endian.h>

namespace inetd {

// Those of etc/systemd/inetd.catalog; they never change.
static std::string_view message_id(log::Event event) {
    using log::Event;
    switch (event) {
    case Event::none:
        break;
    case Event::started:
        return "f1a5affafa5d4a14a984a0c184f4f5dc";
    case Event::stopped:
        return "c3276f32f80b4fada9ce349b60453eaa";
    case Event::reloaded:
        return "eba5bb6fc70f48dc91ce91eb5a53c585";
    case Event::reload_refused:
        return "a20bd8d2720d4372b6f53c744142c58a";
    case Event::cannot_listen:
        return "8a11035b77c14ffb90f2ff85fa5155dd";
    case Event::client_refused:
        return "22f8147fb8634aef86a0adeeafb4af26";
    case Event::full:
        return "0641676a4d544eea954acf5055ed7e37";
    case Event::child_started:
        return "37d72422856242839a974d805bb73ecb";
    case Event::child_ended:
        return "43c0c3a64e2c4e21966bf0a664923463";
    case Event::child_failed:
        return "cb7a52a1956d42a6abd9985d33e94cd2";
    case Event::left_unread:
        return "0d2654d930ba4372b7d193b6a5559937";
    case Event::no_descriptors:
        return "6480786b8daf4432bbb45dfe63872c16";
    case Event::cannot_accept:
        return "0e522b608d1743ee907172f5b432a048";
    case Event::unwanted_socket:
        return "c11902beb4384a1e95b1f777f7ca3692";
    }
    return {};
}

void append_journal_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    if (value.find('\n') == std::string_view::npos) {
        out += '=';
    } else {
        out += '\n';
        const std::uint64_t size = htole64(value.size());
        out.append(reinterpret_cast<const char*>(&size), sizeof size);
    }
    out += value;
    out += '\n';
}

static void append_number(std::string& out, std::string_view name, std::integral auto number) {
    fmt::format_to(std::back_inserter(out), "{}={}\n", name, number);
}

static void append_peer(std::string& out, const SocketAddress& peer) {
    const SocketAddress plain = peer.unmapped();
    if (const std::string host = plain.host(); !host.empty())
        append_journal_field(out, "REMOTE_ADDR", host);
    if (plain.port() != 0) append_number(out, "REMOTE_PORT", plain.port());
}

void append_journal_entry(std::string& out, const log::Entry& entry) {
    const log::About& about = entry.about;
    append_journal_field(out, "MESSAGE", entry.text);
    append_number(out, "PRIORITY", static_cast<int>(entry.level));
    if (const auto id = message_id(about.event); !id.empty())
        append_journal_field(out, "MESSAGE_ID", id);
    if (!about.service.empty()) append_journal_field(out, "SERVICE", about.service);
    if (about.peer != nullptr) append_peer(out, *about.peer);
    if (about.pid != 0) append_number(out, "SERVICE_PID", about.pid);
    if (!about.exit_status.empty()) append_journal_field(out, "EXIT_STATUS", about.exit_status);
    if (about.lasted) {
        const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(*about.lasted);
        append_number(out, "DURATION_USEC", usec.count());
    }
    if (!about.refused_by.empty()) append_journal_field(out, "REFUSED_BY", about.refused_by);
    if (about.bytes_in) append_number(out, "BYTES_IN", *about.bytes_in);
    if (about.bytes_out) append_number(out, "BYTES_OUT", *about.bytes_out);
    if (!about.user.empty()) append_journal_field(out, "USERID", about.user);
}

JournalSink::JournalSink(int facility, std::string_view path)
    : socket_(path),
      // The journal has the facility without the bits of the level, as in RFC 5424.
      common_(fmt::format("SYSLOG_IDENTIFIER=inetd\nSYSLOG_FACILITY={}\n", facility >> 3)) {}

Result<std::unique_ptr<log::Sink>> JournalSink::create(int facility, std::string_view path) {
    std::unique_ptr<JournalSink> sink(new JournalSink(facility, path));
    if (const auto connected = sink->socket_.connect(); !connected) return connected.error();
    return std::unique_ptr<log::Sink>(std::move(sink));
}

void JournalSink::write(const log::Entry& entry) {
    datagram_ = common_;
    append_journal_entry(datagram_, entry);
    socket_.send(datagram_);
}

log::Rest JournalSink::flush() {
    const auto rest = socket_.flush();
    const auto lost = rest == log::Rest::none ? socket_.take_lost() : 0;
    if (lost != 0) {
        const std::string text =
            fmt::format("{} messages lost: the journal did not take them", lost);
        write({log::Level::warning, text, {}});
        return socket_.flush();
    }
    return rest;
}

} // namespace inetd
