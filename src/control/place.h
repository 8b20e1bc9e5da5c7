#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>
#include <sys/types.h>

namespace inetd::control {

// Where the control socket is and who may connect to it.
struct Place {
    std::string path; // absolute; empty = there is none
    mode_t mode = 0660;
    gid_t group = static_cast<gid_t>(-1); // -1 = that of the daemon

    friend bool operator==(const Place&, const Place&) = default;
};

// A socket that listens there, and its file, to be known again.
struct Listening {
    Fd fd;
    dev_t device = 0;
    ino_t inode = 0;
};

// Listens there, in a directory that is made if need be. The file of a socket that nobody serves
// any more is replaced; one that is served is an error (EADDRINUSE).
Result<Listening> listen_at(const Place& place);
// The same with a socket that listens there already, as the daemon before has left it. Error: it
// listens elsewhere, and does not any more.
Result<Listening> take_over_at(const Place& place, Fd fd);
// Mode and group of the socket's file.
Result<void> set_access(const Place& place);
// Removes the file, if it is still ours.
void remove_file(const Place& place, const Listening& ours);

} // namespace inetd::control
