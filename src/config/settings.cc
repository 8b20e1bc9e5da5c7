#include "config/settings.h"

#include "config/files.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <functional>
#include <libconfig.h>
#include <limits>
#include <memory>
#include <optional>

namespace inetd {

static constexpr int kDeepest = 16;

void Setting::error(std::string text, std::string hint) const {
    source->error({line, 0}, std::move(text), std::move(hint));
}

void Setting::warning(std::string text, std::string hint) const {
    source->warning({line, 0}, std::move(text), std::move(hint));
}

static bool is_name_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '*';
}

// The digits after "name =" at `at`, or nothing.
static std::string_view literal_at(std::string_view line, std::size_t at, std::size_t size) {
    if (at > 0 && is_name_character(line[at - 1])) return {};
    at = line.find_first_not_of(" \t", at + size);
    if (at == std::string_view::npos || (line[at] != '=' && line[at] != ':')) return {};
    at = line.find_first_not_of(" \t+", at + 1);
    return at == std::string_view::npos ? std::string_view{} : line.substr(at);
}

// libconfig 1.5 keeps just the lower 32 bits of a number that has more, and says nothing.
static bool was_cut(std::string_view line, std::string_view name) {
    using Limits = std::numeric_limits<std::int32_t>;
    for (auto at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
        std::string_view literal = literal_at(line, at, name.size());
        const bool hex = literal.starts_with("0x") || literal.starts_with("0X");
        if (hex) literal.remove_prefix(2);
        std::int64_t number = 0;
        const auto [stop, error] =
            std::from_chars(literal.data(), literal.data() + literal.size(), number, hex ? 16 : 10);
        if (error == std::errc::result_out_of_range) return true;
        if (error == std::errc{} && (number < Limits::min() || number > Limits::max())) return true;
    }
    return false;
}

namespace {

class Converter {
  public:
    explicit Converter(std::function<const Source&(const char*)> source)
        : source_(std::move(source)) {}

    Setting convert(const config_setting_t* from, int depth = 0) {
        Setting to;
        if (const char* name = config_setting_name(from)) to.name = name;
        to.source = &source_(config_setting_source_file(from));
        to.line = static_cast<int>(config_setting_source_line(from));
        switch (config_setting_type(from)) {
        case CONFIG_TYPE_BOOL:
            to.value = config_setting_get_bool(from) != 0;
            break;
        case CONFIG_TYPE_INT:
            to.value = std::int64_t{config_setting_get_int(from)};
            to.cut = was_cut(to.source->line(to.line), to.name);
            break;
        case CONFIG_TYPE_INT64:
            to.value = std::int64_t{config_setting_get_int64(from)};
            break;
        case CONFIG_TYPE_FLOAT:
            to.value = config_setting_get_float(from);
            break;
        case CONFIG_TYPE_STRING:
            to.value = std::string(config_setting_get_string(from));
            break;
        case CONFIG_TYPE_GROUP:
            to.value = Setting::Group{members(from, to, depth)};
            break;
        default:
            to.value = Setting::List{members(from, to, depth)};
            break;
        }
        return to;
    }

  private:
    std::vector<Setting> members(const config_setting_t* from, const Setting& to, int depth) {
        std::vector<Setting> all;
        if (depth >= kDeepest) {
            to.error(fmt::format("settings are nested more than {} deep", kDeepest));
            return all;
        }
        const int length = config_setting_length(from);
        all.reserve(static_cast<std::size_t>(length));
        for (int i = 0; i < length; ++i)
            all.push_back(
                convert(config_setting_get_elem(from, static_cast<unsigned>(i)), depth + 1));
        return all;
    }

    std::function<const Source&(const char*)> source_;
};

} // namespace

SettingsFile::SettingsFile(const std::string& name, std::string text, Diagnostics& sink)
    : name_(name), sink_(sink) {
    const auto slash = name.rfind('/');
    directory_ = slash == std::string::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1));
    root_.value = Setting::Group{};
    const auto& main = sources_.emplace(name, std::make_unique<Source>(name, text, sink));
    root_.source = main.first->second.get();
    if (text.find('\0') != std::string::npos) {
        root_.error("there is a NUL byte in this file");
        return;
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    parse(text);
}

// libconfig calls an included file as the directive does, or, from 1.7 on, by its full path.
std::string SettingsFile::path_of(const char* file) const {
    if (file == nullptr) return name_;
    std::string path(file);
    if (path.starts_with('/') || directory_ == "." || path.starts_with(directory_ + "/"))
        return path;
    return directory_ + "/" + path;
}

const Source& SettingsFile::source(const std::string& file) {
    auto& known = sources_[file];
    if (known == nullptr) {
        auto read = read_file(file, true);
        known = std::make_unique<Source>(file, read ? std::move(read->text) : "", sink_);
    }
    return *known;
}

static std::string hint_for(std::string_view problem) {
    if (problem == "syntax error")
        return "strings stand in double quotes; the last item of a list has no comma after it; "
               "the mistake may be in the line before";
    if (problem == "duplicate setting name") return "write each key once";
    if (problem == "cannot open include file")
        return "its name is relative to the directory of the settings file";
    return {};
}

void SettingsFile::parse(const std::string& text) {
    config_t config;
    config_init(&config);
    const std::unique_ptr<config_t, decltype(&config_destroy)> owner(&config, config_destroy);
    config_set_include_dir(&config, directory_.c_str());
    if (config_read_string(&config, text.c_str()) == CONFIG_TRUE) {
        Converter converter(
            [this](const char* file) -> const Source& { return source(path_of(file)); });
        root_ = converter.convert(config_root_setting(&config));
        return;
    }
    const char* problem = config_error_text(&config);
    if (problem == nullptr) problem = "it cannot be read";
    source(path_of(config_error_file(&config)))
        .error({config_error_line(&config), 0}, problem, hint_for(problem));
}

} // namespace inetd
