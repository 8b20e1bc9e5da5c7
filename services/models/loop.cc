#include "clients.h"
#include "conversation.h"
#include "models.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <list>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace models {

namespace {

using Clock = std::chrono::steady_clock;

struct Client {
    int fd;
    Clock::time_point deadline;
    Conversation conversation{};
    std::list<Client>::iterator self{};
};

class Loop {
  public:
    Loop();
    ~Loop() { close(epoll_); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    // Until nobody is there and nobody has come for a while.
    void run();

  private:
    bool accept();
    void serve(Client& client);
    void watch(int fd, std::uint32_t events, void* tag, int how) const;
    void drop(Client& client);
    [[nodiscard]] int milliseconds_left() const;

    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    // For one client, and with nobody there: time-outs of sockets apply to those that block.
    Clock::duration patience_ = std::chrono::milliseconds(patience_ms());
    Clock::time_point last_ = Clock::now();
    std::list<Client> clients_; // who came first is the first to be given up
};

Loop::Loop() {
    watch(kListener, EPOLLIN, nullptr, EPOLL_CTL_ADD);
}

void Loop::watch(int fd, std::uint32_t events, void* tag, int how) const {
    epoll_event event{.events = events, .data = {.ptr = tag}};
    epoll_ctl(epoll_, how, fd, &event);
}

void Loop::drop(Client& client) {
    close(client.fd);
    last_ = Clock::now();
    clients_.erase(client.self);
}

int Loop::milliseconds_left() const {
    const auto end = clients_.empty() ? last_ + patience_ : clients_.front().deadline;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    return left < 0 ? 0 : static_cast<int>(left);
}

// One of those who wait: the socket blocks, and is reported again while there are more.
bool Loop::accept() {
    const int fd = accept4(kListener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    Client& client = clients_.emplace_back(Client{.fd = fd, .deadline = Clock::now() + patience_});
    client.self = std::prev(clients_.end());
    watch(fd, EPOLLIN, &client, EPOLL_CTL_ADD);
    return true;
}

void Loop::serve(Client& client) {
    switch (client.conversation.go_on(client.fd)) {
    case Conversation::Wants::nothing:
        return drop(client);
    case Conversation::Wants::room:
        return watch(client.fd, EPOLLOUT, &client, EPOLL_CTL_MOD);
    case Conversation::Wants::input:
        return;
    }
}

void Loop::run() {
    std::array<epoll_event, 64> events{};
    for (bool more = true; more || !clients_.empty();) {
        const int ready = epoll_wait(epoll_, events.data(), events.size(), milliseconds_left());
        for (int i = 0; i < ready; ++i) {
            auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (client)
                serve(*client);
            else
                more = more && accept();
        }
        // No more can be taken: inetd starts another when these have been served.
        if (!more) epoll_ctl(epoll_, EPOLL_CTL_DEL, kListener, nullptr);
        while (!clients_.empty() && clients_.front().deadline <= Clock::now())
            drop(clients_.front());
        if (ready == 0 && clients_.empty() && last_ + patience_ <= Clock::now()) more = false;
    }
}

} // namespace

void loop() {
    Loop().run();
}

} // namespace models
