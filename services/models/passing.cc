#include "clients.h"
#include "conversation.h"
#include "group.h"
#include "models.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace models {

namespace {

struct Worker {
    int channel = -1; // where it gets clients, and says that it is free again; -1: it is gone
    bool free = true;
    pid_t pid = -1;
};
using Workers = std::array<Worker, Pool::kSize>;

// A message of one byte with room for a descriptor beside it.
struct Message {
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};

    Message() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
};

bool pass(int channel, int descriptor) {
    Message message;
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    return sendmsg(channel, &message.header, MSG_NOSIGNAL) == 1;
}

// -1 when the parent has closed its end.
int receive(int channel) {
    Message message;
    if (recvmsg(channel, &message.header, MSG_CMSG_CLOEXEC) != 1) return -1;
    const cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return -1;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
    return descriptor;
}

[[noreturn]] void work(int channel) {
    close(kListener);
    for (int client = -1; (client = receive(channel)) >= 0;) {
        serve(client);
        if (send(channel, "", 1, MSG_NOSIGNAL) != 1) break;
    }
    _exit(0);
}

void start(Workers& workers, Worker& worker, pid_t parent) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    const pid_t pid = fork();
    if (pid == 0) {
        follow(parent);
        close(ends[0]);
        // Or the others would not see the end when the parent closes these.
        for (const Worker& other : workers)
            if (other.channel >= 0) close(other.channel);
        work(ends[1]);
    }
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    else
        worker = {.channel = ends[0], .pid = pid};
}

bool can_take(const Worker& worker) {
    return worker.channel >= 0 && worker.free;
}

// Waits for a client, if somebody is free for him, and for workers. False: the time has passed.
bool wait_for_news(Workers& workers, bool& client_waits) {
    std::array<pollfd, Pool::kSize + 1> watched{};
    for (std::size_t i = 0; i < workers.size(); ++i)
        watched[i] = {.fd = workers[i].channel, .events = POLLIN, .revents = 0};
    pollfd& listener = watched.back();
    const bool somebody = std::any_of(workers.begin(), workers.end(), can_take);
    listener = {.fd = somebody ? kListener : -1, .events = POLLIN, .revents = 0};
    if (poll(watched.data(), watched.size(), patience_ms()) == 0) return false;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        if (watched[i].revents == 0) continue;
        char byte = 0;
        workers[i].free = recv(workers[i].channel, &byte, 1, 0) == 1;
        if (workers[i].free) continue;
        close(workers[i].channel);
        workers[i].channel = -1;
        waitpid(workers[i].pid, nullptr, 0);
    }
    client_waits = listener.revents != 0;
    return true;
}

} // namespace

void prefork_passing() {
    lead_group();
    Workers workers;
    const pid_t parent = getpid();
    for (Worker& worker : workers)
        start(workers, worker, parent);
    const auto gone = [](const Worker& worker) { return worker.channel < 0; };
    const auto busy = [](const Worker& worker) { return worker.channel >= 0 && !worker.free; };
    while (!std::all_of(workers.begin(), workers.end(), gone)) {
        bool client_waits = false;
        if (!wait_for_news(workers, client_waits)) {
            if (std::none_of(workers.begin(), workers.end(), busy)) break;
            continue;
        }
        auto* const worker = std::find_if(workers.begin(), workers.end(), can_take);
        if (!client_waits || worker == workers.end()) continue;
        const int client = next_client();
        if (client < 0) break;
        // One that has died meanwhile is noticed when its end of the channel is read.
        worker->free = !pass(worker->channel, client);
        close(client);
    }
    for (const Worker& worker : workers)
        if (worker.channel >= 0) close(worker.channel);
    await_children();
}

} // namespace models
