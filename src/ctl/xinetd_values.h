#pragma once

#include "ctl/imported.h"
#include "ctl/xinetd_file.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::ctl {

// What an attribute of a service comes to, with the defaults, all "+=" and all "-=".
struct XinetdValue {
    std::vector<std::string> words;
    std::string file; // where the last word on it was said
    int line = 0;
    bool own = false; // and not by the defaults alone

    // The only word; empty if there is none.
    [[nodiscard]] const std::string& word() const;
};

// The attributes of one service by xinetd's rules. "interface" is called "bind".
class XinetdValues {
  public:
    // The defaults alone. What breaks the rules is added to `notices`, and ignored, as xinetd does.
    XinetdValues(const std::vector<XinetdAttribute>& defaults, std::vector<Notice>& notices);
    // What is wrong with the defaults is said by the other one.
    XinetdValues(const std::vector<XinetdAttribute>& defaults, const XinetdEntry& entry,
                 std::vector<Notice>& notices);

    // Null where nothing is said.
    [[nodiscard]] const XinetdValue* find(std::string_view attribute) const;
    [[nodiscard]] bool holds(std::string_view attribute, std::string_view word) const;
    // The only word of it; empty where nothing is said.
    [[nodiscard]] const std::string& word(std::string_view attribute) const;

  private:
    void apply(const XinetdAttribute& attribute, bool own, std::vector<Notice>& notices);

    std::map<std::string, XinetdValue, std::less<>> values_;
};

// The words that all "disabled" or "enabled" attributes of the defaults hold together.
[[nodiscard]] std::vector<std::string> listed(const std::vector<XinetdAttribute>& defaults,
                                              std::string_view attribute);

} // namespace inetd::ctl
