#pragma once

namespace inetd {

// Reads the time zone of this process anew: /etc/localtime, or the file that TZ names, may have
// been replaced since, which localtime_r(3) does not look for. TZ itself stays what it is.
void reread_time_zone();

} // namespace inetd
