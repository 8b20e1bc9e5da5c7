#pragma once

#include <array>
#include <cstddef>

namespace models {

// What a server does for one client, the same in every model: it reads "N\n" and answers N bytes,
// at most kMost. Anything else gets no answer.
class Conversation {
  public:
    static constexpr std::size_t kMost = 16384;

    enum class Wants { input, room, nothing };
    // Goes on as far as the connection lets it. On one that blocks this is to the end, or to where
    // its time-out has passed.
    Wants go_on(int connection);

  private:
    Wants read_line(int connection);
    bool take_line();

    std::array<char, 8> line_{};
    std::size_t length_ = 0; // of what has come of the line
    std::size_t left_ = 0;   // of the answer
    bool answering_ = false;
};

// All of it, on a connection that blocks, which is closed then.
void serve(int connection);

} // namespace models
