#include "policy/access_times.h"

#include <algorithm>

namespace inetd {

bool is_open(const std::vector<DayTime>& times, const std::tm& local) {
    const int minute = local.tm_hour * 60 + local.tm_min;
    return times.empty() || std::any_of(times.begin(), times.end(), [&](const DayTime& time) {
               if (time.from < time.to) return time.from <= minute && minute < time.to;
               return time.from <= minute || minute < time.to;
           });
}

bool is_open(const std::vector<DayTime>& times, std::time_t now) {
    std::tm local{};
    if (times.empty() || localtime_r(&now, &local) == nullptr) return times.empty();
    return is_open(times, local);
}

} // namespace inetd
