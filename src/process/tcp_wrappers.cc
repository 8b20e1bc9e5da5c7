#include "process/tcp_wrappers.h"

#ifdef INETD_HAVE_LIBWRAP

#include <cerrno>
#include <dlfcn.h>
#include <tcpd.h>
#include <unistd.h>

namespace inetd {

// What is needed of libwrap. Only who asks for it loads it: linked with, it would bring the
// libraries of NIS and Kerberos into the daemon, and half a megabyte.
struct Library {
    decltype(&hosts_access) access = nullptr;
    request_info* (*init)(request_info*, ...) = nullptr;
    decltype(&sock_hostname) hostname = nullptr;
    decltype(&sock_hostaddr) hostaddr = nullptr;
    char** allow_table = nullptr;
    char** deny_table = nullptr;

    [[nodiscard]] bool complete() const {
        return access != nullptr && init != nullptr && hostname != nullptr && hostaddr != nullptr &&
               allow_table != nullptr && deny_table != nullptr;
    }
};

template<typename T>
static void look_up(void* library, const char* name, T& symbol) {
    symbol = reinterpret_cast<T>(dlsym(library, name));
}

static Library load() {
    Library found;
    void* library = dlopen("libwrap.so.0", RTLD_NOW);
    if (library == nullptr) return found;
    look_up(library, "hosts_access", found.access);
    look_up(library, "request_init", found.init);
    look_up(library, "sock_hostname", found.hostname);
    look_up(library, "sock_hostaddr", found.hostaddr);
    look_up(library, "hosts_allow_table", found.allow_table);
    look_up(library, "hosts_deny_table", found.deny_table);
    return found;
}

// hosts_access(3) passes over a file that it cannot read, as if nobody were in it.
static bool can_read(const char* file) {
    return access(file, R_OK) == 0 || errno == ENOENT;
}

bool wrappers_admit(const std::string& daemon, const SocketAddress& client,
                    const SocketAddress& local) {
    static const Library library = load();
    if (!library.complete()) return false;
    if (!can_read(*library.allow_table) || !can_read(*library.deny_table)) return false;
    const SocketAddress peer = client.unmapped();
    const SocketAddress own = local.unmapped();
    request_info request{};
    library.init(&request, RQ_DAEMON, daemon.c_str(), RQ_CLIENT_SIN, peer.data(), RQ_SERVER_SIN,
                 own.data(), 0);
    // As the macro sock_methods does.
    request.hostname = library.hostname;
    request.hostaddr = library.hostaddr;
    return library.access(&request) != 0;
}

} // namespace inetd

#else

namespace inetd {

bool wrappers_admit(const std::string&, const SocketAddress&, const SocketAddress&) {
    return false;
}

} // namespace inetd

#endif
