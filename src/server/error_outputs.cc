#include "server/error_outputs.h"

#include "log/log.h"
#include "systemd/journal_stream.h"

#include <array>
#include <fcntl.h>

namespace inetd {

ErrorOutputs::ErrorOutputs(EventLoop& loop) : loop_(loop) {
    null();
}

int ErrorOutputs::null() {
    if (!null_) null_.reset(open("/dev/null", O_WRONLY | O_CLOEXEC));
    return null_.get();
}

static Result<Fd> open_file(const std::string& path) {
    // A FIFO that nobody reads is an error rather than a wait. The server's writes do wait.
    Fd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                 0640));
    if (!file || fcntl(file.get(), F_SETFL, O_APPEND) != 0) return errno_error("open " + path);
    return file;
}

void ErrorOutputs::open_files(const std::vector<ServiceConfigPtr>& services) {
    files_.clear();
    for (auto& [id, shared] : shared_) {
        shared.budget = std::make_shared<TokenBucket>();
        std::erase_if(shared.left, [](const auto& pipe) { return pipe.expired(); });
    }
    std::erase_if(shared_, [](const auto& item) { return item.second.left.empty(); });
    for (const ServiceConfigPtr& config : services) {
        const std::string& path = config->terms->surroundings->errors;
        if (!config->program || !path.starts_with('/') || files_.contains(path)) continue;
        auto file = open_file(path);
        if (!file)
            log::error({.service = config->name}, "{}: stderr: {}; what it says there is lost",
                       config->name, file.error().text());
        files_[path] = file ? *std::move(file) : Fd();
    }
}

ErrorOutputs::Output ErrorOutputs::lost(const ServiceConfig& config, const Error& error) {
    if (notes_.pass(loop_.now()))
        log::error({.service = config.name}, "{}: stderr: {}; what a server says there is lost",
                   config.name, error.text());
    return {.fd = null()};
}

ErrorOutputs::Output ErrorOutputs::to_journal(const ServiceConfig& config) {
    auto stream = open_journal_stream(config.name, static_cast<int>(log::Level::info));
    if (!stream) return lost(config, stream.error());
    const int fd = stream->get();
    return {.fd = fd, .own = *std::move(stream)};
}

ErrorOutputs::Output ErrorOutputs::to_log(const ServiceConfigPtr& config,
                                          const SocketAddress& peer) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return lost(*config, errno_error("pipe"));
    Fd ours(ends[0]);
    Fd own(ends[1]);
    fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    return {.fd = ends[1], .own = std::move(own), .lines = lines_of(std::move(ours), config, peer)};
}

std::shared_ptr<ErrorLines> ErrorOutputs::lines_of(Fd pipe, const ServiceConfigPtr& config,
                                                   const SocketAddress& peer) {
    const int key = pipe.get();
    return std::make_shared<ErrorLines>(loop_, std::move(pipe), config, peer,
                                        shared_[config->id()].budget,
                                        [this, key] { pipes_.erase(key); });
}

std::vector<ErrorLinesState> ErrorOutputs::states() const {
    std::vector<ErrorLinesState> states;
    for (const auto& [fd, lines] : pipes_)
        states.push_back(lines->state());
    return states;
}

std::shared_ptr<ErrorLines> ErrorOutputs::resume(const ErrorLinesState& state) {
    auto lines = lines_of(Fd(state.fd), state.config, state.peer);
    pipes_[state.fd] = lines;
    lines->resume(state.pid, state.text);
    return lines;
}

ErrorOutputs::Output ErrorOutputs::prepare(const ServiceConfigPtr& config,
                                           const SocketAddress& peer) {
    const std::string& target = config->terms->surroundings->errors;
    if (target == "socket") return {};
    if (target == "journal") return to_journal(*config);
    if (target == "log") return to_log(config, peer);
    const auto file = files_.find(target);
    const bool open = file != files_.end() && file->second;
    return {.fd = open ? file->second.get() : null()};
}

void ErrorOutputs::started(const Output& output, pid_t pid) {
    if (output.lines == nullptr) return;
    pipes_[output.lines->fd()] = output.lines;
    output.lines->start(pid);
}

// A process that a server leaves behind is no instance of the service any more, so that nothing
// else bounds how many descriptors of ours they hold; and one process can collect the pipes of many
// (SCM_RIGHTS, unix(7)).
void ErrorOutputs::ended(const std::shared_ptr<ErrorLines>& lines) {
    static constexpr std::size_t kMostLeft = 32;
    if (!pipes_.contains(lines->fd())) return;
    const ServiceConfigPtr& config = lines->config();
    auto& left = shared_[config->id()].left;
    std::erase_if(left, [](const auto& pipe) { return pipe.expired(); });
    left.push_back(lines);
    if (left.size() <= kMostLeft) return;
    const auto oldest = left.front().lock();
    left.pop_front();
    if (left_notes_.pass(loop_.now()))
        log::warning({.service = config->name, .pid = oldest->pid()},
                     "{}: stderr of {} servers that have ended is still open or unread; that of "
                     "the oldest, pid {}, is closed",
                     config->name, left.size() + 1, oldest->pid());
    oldest->abandon();
}

void ErrorOutputs::drain() {
    while (!pipes_.empty())
        pipes_.begin()->second->drain();
}

} // namespace inetd
