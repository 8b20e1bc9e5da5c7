#include "clients.h"
#include "conversation.h"
#include "group.h"
#include "models.h"

#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace models {

// `next` gets the Pool, in memory that all share, and says who is to be served.
template<typename Next>
static void prefork(Next next) {
    void* shared =
        mmap(nullptr, sizeof(Pool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return;
    Pool& pool = *new (shared) Pool;
    lead_group();
    const pid_t parent = getpid();
    for (int i = 0; i < Pool::kSize; ++i) {
        if (fork() != 0) continue;
        follow(parent);
        for (int client = -1; (client = next(pool)) >= 0;)
            serve(client);
        _exit(0);
    }
    await_children();
}

void prefork_accepting() {
    prefork([](Pool& pool) { return pool.next_client(); });
}

// A lock of fcntl(2), which belongs to a process. One of flock(2) belongs to the open file, which
// children have in common with their parent, and would shut nobody out.
static void lock(int file, short how) {
    struct flock all {};
    all.l_type = how;
    all.l_whence = SEEK_SET;
    fcntl(file, F_SETLKW, &all);
}

void prefork_locking() {
    const int file = memfd_create("accept", MFD_CLOEXEC);
    if (file < 0) return;
    prefork([file](Pool& pool) {
        lock(file, F_WRLCK);
        const int client = pool.next_client();
        lock(file, F_UNLCK);
        return client;
    });
}

} // namespace models
