#include "clients.h"
#include "conversation.h"
#include "models.h"

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace models {

void thread_for_each() {
    // Longer alive than any thread, which may still be in notify_one() when this function returns.
    static std::atomic<int> running{0};
    for (int client = -1; (client = next_client()) >= 0;) {
        ++running;
        const auto work = [client] {
            serve(client);
            if (--running == 0) running.notify_one();
        };
        try {
            std::thread(work).detach();
        } catch (const std::system_error&) { // no thread to be had: the others have to wait
            work();
        }
    }
    for (int left = 0; (left = running) != 0;)
        running.wait(left);
}

void prethread() {
    Pool pool;
    const auto work = [&pool] {
        for (int client = -1; (client = pool.next_client()) >= 0;)
            serve(client);
    };
    std::vector<std::jthread> threads;
    try {
        while (threads.size() + 1 < Pool::kSize)
            threads.emplace_back(work);
    } catch (const std::system_error&) { // then there are fewer
    }
    work();
}

} // namespace models
