#include "builtin/idle_list.h"

#include <doctest/doctest.h>
#include <memory>
#include <vector>

using namespace inetd;
using namespace std::chrono_literals;

namespace {
struct Item {
    explicit Item(int n) : number(n) {}
    int number;
    TimePoint touched;
};
} // namespace

TEST_CASE("items expire in the order of their last activity") {
    EventLoop loop;
    std::vector<int> order;
    std::unique_ptr<IdleList<Item>> list;
    list = std::make_unique<IdleList<Item>>(loop, 5ms, [&](IdleList<Item>::Handle item) {
        order.push_back(item->number);
        list->remove(item);
    });
    const auto first = list->add(1);
    list->add(2);
    const auto third = list->add(3);
    list->touch(first);
    list->remove(third);
    CHECK(list->size() == 2);
    CHECK(list->oldest()->number == 2);
    while (!list->empty())
        loop.round();
    CHECK(order == std::vector{2, 1});

    list->add(4); // the timer starts again
    while (!list->empty())
        loop.round();
    CHECK(order.back() == 4);
}

TEST_CASE("an expiry may destroy the list") {
    EventLoop loop;
    std::unique_ptr<IdleList<Item>> list;
    list =
        std::make_unique<IdleList<Item>>(loop, 1ms, [&](IdleList<Item>::Handle) { list.reset(); });
    list->add(1);
    list->add(2);
    while (list)
        loop.round();
    loop.round(2ms);
}

TEST_CASE("a limit of zero is none") {
    EventLoop loop;
    int expired = 0;
    IdleList<Item> list(loop, 0ms, [&](IdleList<Item>::Handle) { ++expired; });
    list.add(1);
    loop.round(2ms);
    CHECK(expired == 0);
    CHECK(list.size() == 1);
}
