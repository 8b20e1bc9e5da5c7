#include "server/state_dump.h"

#include "log/log.h"
#include "process/side_write.h"

namespace inetd {

void StateDump::start(const std::string& path) {
    if (writer_ != 0) return log::warning("state: pid {} is still writing {}", writer_, path_);
    const auto writer = side_write(path, text_);
    if (!writer) return log::error("state: {}", writer.error().text());
    writer_ = *writer;
    path_ = path;
}

void StateDump::ended(const ChildEnd& end) {
    if (end.pid != writer_) return;
    writer_ = 0;
    const auto written = side_write_result(path_, end);
    if (!written) return log::error("state: {}", written.error().text());
    log::info("state: written to {}", path_);
}

} // namespace inetd
