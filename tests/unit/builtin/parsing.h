#pragma once

#include "builtin/parser_message.h"
#include "event/loop.h"

#include <cstdint>
#include <map>
#include <utility>

namespace inetd::test {

// A parser in the loop: it replies in a later round, by the same messages as that in a process.
class Parser {
  public:
    explicit Parser(EventLoop& loop) : loop_(loop) {}

    AskParser asker() {
        return [this](ParserQuestion question, std::function<void(ParserReply)> done) {
            const std::uint64_t id = asked++;
            open_[id] =
                loop_.after({}, [this, id, question = std::move(question), done = std::move(done)] {
                    const Timer own = std::move(open_.extract(id).mapped());
                    if (silent) return;
                    auto reply = decode_reply(question, parse_apart(encode_question(question)));
                    done(fails || !reply ? ParserReply() : std::move(*reply));
                });
            return std::shared_ptr<void>(
                this, [id](void* parser) { static_cast<Parser*>(parser)->open_.erase(id); });
        };
    }

    std::uint64_t asked = 0;
    bool fails = false;
    bool silent = false;

  private:
    EventLoop& loop_;
    std::map<std::uint64_t, Timer> open_;
};

} // namespace inetd::test
