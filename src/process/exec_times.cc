#include "process/exec_times.h"

#include <new>
#include <sys/mman.h>
#include <utility>

namespace inetd {

ExecTimes::ExecTimes(std::size_t places) : items_(places) {
    void* memory = mmap(nullptr, (places + 1) * sizeof(timespec), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    times_ = static_cast<timespec*>(memory);
}

timespec* ExecTimes::begin(std::size_t place, const std::shared_ptr<void>& whose, TimePoint since) {
    items_[place] = {whose, since};
    times_[place] = {};
    return times_ + place;
}

void ExecTimes::note(std::size_t place, bool over) {
    Item& item = items_[place];
    if (!item.whose) return;
    const timespec at = times_[place];
    const bool known = at.tv_sec != 0 || at.tv_nsec != 0;
    if (!known && !over) return;
    const auto whose = std::exchange(item.whose, nullptr);
    const TimePoint then(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
    if (known && handler_ && then >= item.since) handler_(whose, then - item.since);
}

} // namespace inetd
