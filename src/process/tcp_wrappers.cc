#include "process/tcp_wrappers.h"

#ifdef INETD_HAVE_LIBWRAP

#include <cerrno>
#include <syslog.h>
#include <tcpd.h>
#include <unistd.h>

// Of libwrap, which would log the connections by these.
int allow_severity = LOG_INFO;
int deny_severity = LOG_NOTICE;

namespace inetd {

// hosts_access(3) passes over a file that it cannot read, as if nobody were in it.
static bool can_read(const char* file) {
    return access(file, R_OK) == 0 || errno == ENOENT;
}

bool wrappers_admit(const std::string& daemon, const SocketAddress& client,
                    const SocketAddress& local) {
    if (!can_read(hosts_allow_table) || !can_read(hosts_deny_table)) return false;
    SocketAddress peer = client.unmapped();
    SocketAddress own = local.unmapped();
    request_info request{};
    request_init(&request, RQ_DAEMON, daemon.c_str(), RQ_CLIENT_SIN, peer.room(), RQ_SERVER_SIN,
                 own.room(), 0);
    sock_methods(&request);
    return hosts_access(&request) != 0;
}

} // namespace inetd

#else

namespace inetd {

bool wrappers_admit(const std::string&, const SocketAddress&, const SocketAddress&) {
    return false;
}

} // namespace inetd

#endif
