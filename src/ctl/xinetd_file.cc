#include "ctl/xinetd_file.h"

#include "base/text.h"
#include "ctl/text_file.h"

#include <filesystem>
#include <fmt/core.h>
#include <optional>

namespace inetd::ctl {

namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16; // of includes

class Reader {
  public:
    explicit Reader(XinetdFiles& into) : into_(into) {}

    void read_file(const std::string& path, const std::string& from, int line);
    void read_directory(const std::string& path, const std::string& from, int line);
    void parse(const std::string& text, const std::string& name);

  private:
    // One file.
    struct Place {
        std::string file;
        int line = 0;
        bool in_entry = false;
        bool opened = false; // the "{" has come
        bool broken = false; // all until the "}" is left out
        XinetdEntry entry{};
    };

    void take_line(std::string_view line, Place& place);
    void begin(std::string_view line, Place& place);
    void include(const std::vector<std::string>& words, Place& place);
    void end(Place& place);
    static std::optional<XinetdAttribute> attribute(std::string_view line, const Place& place);
    void complain(const std::string& file, int line, std::string subject, std::string text) {
        into_.notices.push_back(
            {Notice::Kind::error, file, line, std::move(subject), std::move(text)});
    }

    XinetdFiles& into_;
    int depth_ = 0;
};

void Reader::read_file(const std::string& path, const std::string& from, int line) {
    if (depth_ == kDeepest) return complain(from, line, "include", "too many files in each other");
    const auto text = read_text_file(path);
    if (!text) return complain(from.empty() ? path : from, line, {}, text.error().text());
    ++depth_;
    parse(*text, path);
    --depth_;
}

void Reader::read_directory(const std::string& path, const std::string& from, int line) {
    const auto names = file_names(path);
    if (!names) return complain(from.empty() ? path : from, line, {}, names.error().text());
    for (const std::string& name : *names) {
        if (name.find('.') != std::string::npos || name.ends_with('~')) continue;
        const std::string file = fmt::format("{}/{}", path, name);
        std::error_code error;
        if (fs::is_regular_file(file, error)) read_file(file, from, line);
    }
}

void Reader::parse(const std::string& text, const std::string& name) {
    Place place{.file = name};
    for (const std::string_view line : split(text, '\n')) {
        ++place.line;
        const std::string_view content = trimmed(line);
        if (!content.empty() && content.front() != '#') take_line(content, place);
    }
    if (place.in_entry)
        complain(name, place.entry.line, place.entry.service, "ends without a '}'; left out");
}

void Reader::take_line(std::string_view line, Place& place) {
    if (!place.in_entry) return begin(line, place);
    if (line == "}") return end(place);
    if (!place.opened) {
        place.opened = true;
        if (line == "{") return;
        complain(place.file, place.line, place.entry.service, "no '{' here; left out");
        place.broken = true;
    }
    if (place.broken) return;
    if (auto said = attribute(line, place)) {
        place.entry.attributes.push_back(std::move(*said));
        return;
    }
    complain(place.file, place.line, place.entry.service,
             fmt::format("not 'attribute = value': {}; left out", escaped(line)));
    place.broken = true;
}

void Reader::begin(std::string_view line, Place& place) {
    const std::vector<std::string> words = words_of(line);
    if (words[0] == "include" || words[0] == "includedir") return include(words, place);
    place.in_entry = true;
    place.opened = false;
    place.broken = false;
    place.entry = {
        .service = words.size() > 1 ? words[1] : "", .file = place.file, .line = place.line};
    const bool service = words[0] == "service" && words.size() > 1 && words[1] != "{";
    if (words[0] == "defaults") {
        place.entry.service.clear();
    } else if (!service) {
        complain(place.file, place.line, {},
                 fmt::format("neither 'service NAME' nor 'defaults': {}", escaped(line)));
        place.broken = true;
    }
    if (line.ends_with('{')) place.opened = true;
}

void Reader::include(const std::vector<std::string>& words, Place& place) {
    if (words.size() < 2) return complain(place.file, place.line, words[0], "without a name");
    if (words[0] == "include") return read_file(words[1], place.file, place.line);
    read_directory(words[1], place.file, place.line);
}

void Reader::end(Place& place) {
    place.in_entry = false;
    if (place.broken) return;
    if (!place.entry.service.empty()) {
        into_.services.push_back(std::move(place.entry));
        return;
    }
    for (XinetdAttribute& attribute : place.entry.attributes)
        into_.defaults.push_back(std::move(attribute));
}

std::optional<XinetdAttribute> Reader::attribute(std::string_view line, const Place& place) {
    const auto sign = line.find('=');
    if (sign == std::string_view::npos || sign == 0) return std::nullopt;
    XinetdAttribute said;
    said.file = place.file;
    said.line = place.line;
    said.values = words_of(line.substr(sign + 1));
    std::string_view name = line.substr(0, sign);
    if (name.ends_with('+') || name.ends_with('-')) {
        said.op = name.back();
        name.remove_suffix(1);
    }
    said.name = trimmed(name);
    if (said.name.empty() || words_of(said.name).size() != 1) return std::nullopt;
    return said;
}

} // namespace

void read_xinetd(const std::string& path, XinetdFiles& into) {
    Reader reader(into);
    std::error_code error;
    const std::string main = path + "/xinetd.conf";
    if (!fs::is_directory(path, error))
        reader.read_file(path, {}, 0);
    else if (fs::is_regular_file(main, error))
        reader.read_file(main, {}, 0);
    else
        reader.read_directory(path, {}, 0);
}

void parse_xinetd(const std::string& text, const std::string& name, XinetdFiles& into) {
    Reader(into).parse(text, name);
}

} // namespace inetd::ctl
