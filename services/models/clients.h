#pragma once

#include <atomic>

namespace models {

constexpr int kListener = 0; // as inetd hands it to a `wait` service

// From now on accepting gives up after that time, and so does reading from or writing to what was
// accepted.
void bound_waiting(int seconds);
// That time, for those who wait in another way.
[[nodiscard]] int patience_ms();

// The next client, or -1: nobody came for so long, or no more can be taken. In both cases the
// server is to end once it has served those it has; inetd starts another when somebody comes.
[[nodiscard]] int next_client();

// What accepts side by side, threads or processes that share the memory this is in. Who got no
// client goes on as long as others get some; then all of them end.
class Pool {
  public:
    static constexpr int kSize = 8;

    [[nodiscard]] int next_client();

  private:
    std::atomic<unsigned long> clients_{0};
    std::atomic<bool> over_{false};
};

} // namespace models
