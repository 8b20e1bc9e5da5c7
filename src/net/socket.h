#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"

#include <cstdint>
#include <functional>

namespace inetd {

// Who holds a listening socket besides this process and its servers, and so what is left of it when
// we close ours.
enum class Holder : std::uint8_t {
    nobody,
    store, // the supervisor, for the daemon that comes after us; the socket and its file are ours
    unit,  // the supervisor, whose the socket is, with its file: sockets of a systemd.socket(5)
};

// "stream", as in inetd.conf; "raw" for what it has no word for.
[[nodiscard]] const char* socket_type_name(int type);

// What a caller still sets between socket(2) and bind(2).
using PrepareSocket = std::function<Result<void>(int fd)>;

// Opens, binds and (where the type has connections) listens: non-blocking and close-on-exec.
// A unix path that nobody serves any more is replaced; one that is served is an error.
// Error: "bind 127.0.0.1:79" and the errno.
Result<Fd> open_socket(const ListenSpec& spec, const SocketOptions& options,
                       const PrepareSocket& prepare);

// Lets other sockets of our user be bound to the same address (SO_REUSEPORT, socket(7)).
Result<void> share_port(int fd);

// Has a socket of a type that has connections listen; does nothing to others.
[[nodiscard]] Result<void> start_listening(int fd, const ListenSpec& spec,
                                           const SocketOptions& options);

// Applies options to an open socket: buffers and backlog, and if it is ours and not a unit's, all
// others, a unix path's owner and mode among them. One that has connections listens afterwards.
Result<void> apply_options(int fd, const ListenSpec& spec, const SocketOptions& options, bool ours);

// Switches O_NONBLOCK of the open file description, which all processes that hold it share.
void set_blocking(int fd, bool blocking);

// Whether two specs cannot be bound at the same time although they differ.
bool specs_clash(const ListenSpec& a, const ListenSpec& b);

// The address of our own end; no family if that cannot be told.
[[nodiscard]] SocketAddress own_address(int fd);

// What a path's socket file was when we made it, to know our own again.
struct SocketFile {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const SocketFile&, const SocketFile&) = default;
};
SocketFile identify_file(const SocketAddress& address);
// Unlinks the path of a unix socket if it is still the file that `ours` names.
void remove_file(const SocketAddress& address, const SocketFile& ours);

} // namespace inetd
