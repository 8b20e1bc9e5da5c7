#pragma once

#include "config/draft.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/settings.h"

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace inetd {

// What the settings file says, checked, and how it lies over and under the lines of inetd.conf: a
// draft starts as base(), the line's columns are written into it, and then apply() has the last
// word.
class Overrides {
  public:
    // Reads the file that `options` name, if any; `sink` must outlive this.
    Overrides(const LoadOptions& options, Diagnostics& sink);
    // The same for a text, which `options.settings` is the name of.
    Overrides(const LoadOptions& options, Diagnostics& sink, const std::string& text);

    // An error that concerns the daemon or every service: none may run with what is left.
    [[nodiscard]] bool spoiled() const { return spoiled_; }
    [[nodiscard]] const DaemonSettings& daemon() const { return daemon_; }
    [[nodiscard]] const std::vector<Origin>& daemon_origins() const { return daemon_origins_; }

    // The built-in values, the command line, `daemon` and `defaults`.
    [[nodiscard]] const Draft& base() const { return base_; }
    // Applies the entries of `services` that are about this one, whose name, protocol and sockets
    // are known by now. False if one of them has an error.
    bool apply(Draft& draft);

    // Services of this name may be missing for a reason that is known already.
    void excuse(const std::string& name) { excused_.push_back(name); }
    // When all lines have been read: reports entries that nothing came of.
    void finish();

  private:
    struct Assignment {
        std::size_t key; // index into service_keys()
        Value value;
        const Setting* setting;
        bool effective = false; // for one service at least
        std::string idle_on{}; // a service on which it has no effect: "echo/tcp, which is built in"
    };
    struct Entry {
        const Setting* setting = nullptr;
        std::string name;
        std::string protocol; // empty = any
        std::string address;  // without port; "*" = all; empty = any
        std::vector<Assignment> assignments;
        bool good = true;
        bool matched = false;

        // How many of its properties a service must have.
        [[nodiscard]] int rank() const {
            return (protocol.empty() ? 0 : 1) + (address.empty() ? 0 : 1);
        }
        [[nodiscard]] bool matches(const Draft& draft) const;
        [[nodiscard]] std::string text() const;
    };

    void start(const LoadOptions& options);
    void read(const std::string& name, std::string text);
    void read_daemon(const Setting& group);
    void read_defaults(const Setting& group);
    void read_entries(const Setting& setting);
    void read_entry(const Setting& setting);
    static bool read_identity(const Setting& member, Entry& entry);
    static bool read_assignment(const Setting& member, std::vector<Assignment>& assignments);
    static void warn_contradiction(const Limits& limits, const Setting* at,
                                   const std::string& whose);
    // Whether the key has a part in where the directory and the paths of landlock are.
    static bool is_about_places(std::string_view key);
    static bool check_places(const Surroundings& around, const Setting* at);
    static void assign(Entry& entry, Draft& draft);
    void report_missing(const Entry& entry) const;

    Diagnostics& sink_;
    std::optional<SettingsFile> file_;
    std::vector<std::string_view> given_; // by the command line
    bool spoiled_ = false;
    DaemonSettings daemon_;
    std::vector<Origin> daemon_origins_;
    Draft base_;
    std::vector<Entry> entries_; // the least narrow first
    std::unordered_multimap<std::string, std::size_t> by_name_;
    std::vector<std::string> seen_;    // names of services, where there are entries at all
    std::vector<std::string> excused_; // the same of those that came to nothing
};

} // namespace inetd
