#include "config/load.h"

#include "config/daemon_user.h"
#include "config/files.h"
#include "config/overlap.h"
#include "config/overrides.h"
#include "config/programs.h"
#include "config/resolve.h"
#include "config/terms_pool.h"

#include <fmt/core.h>
#include <fstream>
#include <sys/socket.h>

namespace inetd {

static constexpr std::size_t kDeepestInclude = 16;

bool machine_has_ipv6() {
    // Empty also where net.ipv6.conf.all.disable_ipv6 is set; absent without the module.
    std::ifstream addresses("/proc/net/if_inet6");
    return addresses.peek() != std::ifstream::traits_type::eof();
}

namespace {

// One load: the files that are open, one within the other, and what was found so far.
class Loader {
  public:
    explicit Loader(const LoadOptions& options)
        : overrides_(options, loaded_.diagnostics),
          resolver_(options, overrides_),
          terms_(overrides_.base().origins) {
        start(options);
    }
    Loader(const LoadOptions& options, const std::string& settings)
        : overrides_(options, loaded_.diagnostics, settings),
          resolver_(options, overrides_),
          terms_(overrides_.base().origins) {
        start(options);
    }

    void load_path(const std::string& path);
    void load_text(const std::string& name, std::string text, DefaultHosts defaults);
    Loaded finish();
    [[nodiscard]] const DefaultHosts& first_default() const { return first_default_; }

  private:
    // The directive that named a file; null for what the command line named.
    struct Origin {
        const Source& source;
        Position at;
    };

    void start(const LoadOptions& options);
    void load_exec(const ExecService& exec, const std::vector<std::string>& path, int number);
    void set_first_default(const std::string& address);
    void load_any(const std::string& path, const Origin* origin, const DefaultHosts& defaults);
    void load_file(const std::string& path, const Origin* origin, const DefaultHosts& defaults);
    void load_line(const Source& source, Lexer& lexer, Line& tokens, DefaultHosts& defaults);
    void add(const Source& source, const ServiceLine& line, const DefaultHosts& defaults);
    void include(const Source& source, const Line& tokens, const DefaultHosts& defaults);
    void report(const Origin* origin, const std::string& file, std::string text);

    Loaded loaded_;
    Overrides overrides_;
    Resolver resolver_;
    TermsPool terms_;
    Overlap overlap_;
    bool trace_ = false;
    DefaultHosts first_default_;
    std::vector<std::pair<dev_t, ino_t>> open_files_;
    std::string first_name_;
};

} // namespace

// Services below a default address that is wrong must not go to all addresses instead: they fail.
static DefaultHosts default_hosts(const std::vector<Token>& hosts, std::string origin) {
    DefaultHosts defaults{.hosts = {}, .origin = std::move(origin)};
    for (const Token& host : hosts)
        defaults.hosts.push_back(host.text);
    if (hosts.empty()) defaults.hosts.emplace_back();
    return defaults;
}

void Loader::start(const LoadOptions& options) {
    loaded_.daemon = overrides_.daemon();
    loaded_.daemon_origins = overrides_.daemon_origins();
    trace_ = options.trace;
    if (!options.default_address.empty()) set_first_default(options.default_address);
    int number = 0;
    for (const ExecService& exec : options.execs)
        load_exec(exec, options.program_path, ++number);
}

// A program that is named without a directory becomes the one that PATH leads to.
static bool find_program(const Source& source, const std::vector<std::string>& path,
                         ServiceLine& line) {
    if (line.internal() || line.program.text.find('/') != std::string::npos) return true;
    const auto found = find_program(line.program.text, path);
    if (!found.found()) source.error(line.program.at, found.problem, found.hint);
    line.program.text = found.value;
    return found.found();
}

void Loader::load_exec(const ExecService& exec, const std::vector<std::string>& path, int number) {
    if (first_name_.empty()) first_name_ = kExecFile;
    const std::size_t said = loaded_.diagnostics.size();
    const std::string before(static_cast<std::size_t>(number) - 1, '\n');
    const std::string text = shown_text(exec);
    const Source spec(kExecFile, before + text.substr(0, exec.spec.size()), loaded_.diagnostics);
    Line words;
    if (!Lexer(spec).next(words) && loaded_.diagnostics.size() > said) return;
    const Source source(kExecFile, before + text, loaded_.diagnostics);
    auto line = parse_exec(source, words, exec, number);
    if (line && find_program(source, path, *line)) {
        add(source, *line, first_default_);
    } else {
        for (const Token& word : words)
            overrides_.excuse(word.text);
    }
    suggest_words(words, said, loaded_.diagnostics);
}

void Loader::set_first_default(const std::string& address) {
    const Source source("-a", address, loaded_.diagnostics);
    std::vector<Token> hosts;
    if (!parse_hosts(source, {.text = address, .at = {1, 1}}, hosts)) hosts.clear();
    first_default_ = default_hosts(hosts, "the address of -a");
}

void Loader::report(const Origin* origin, const std::string& file, std::string text) {
    if (origin != nullptr) {
        origin->source.error(origin->at, std::move(text));
        return;
    }
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.text = std::move(text);
    loaded_.diagnostics.push_back(std::move(diagnostic));
}

void Loader::load_path(const std::string& path) {
    if (first_name_.empty()) first_name_ = path;
    load_any(path, nullptr, first_default_);
}

void Loader::load_any(const std::string& path, const Origin* origin, const DefaultHosts& defaults) {
    if (!is_directory(path)) {
        load_file(path, origin, defaults);
        return;
    }
    const auto files = conf_files(path);
    if (!files) {
        report(origin, path, files.error().text());
        return;
    }
    for (const std::string& file : *files)
        load_file(file, origin, defaults);
}

void Loader::load_file(const std::string& path, const Origin* origin,
                       const DefaultHosts& defaults) {
    auto file = read_file(path, origin != nullptr);
    if (!file) {
        report(origin, path, "cannot " + file.error().text());
        return;
    }
    const std::pair key{file->device, file->inode};
    for (const auto& open : open_files_)
        if (open == key) {
            report(origin, path, fmt::format("{} is included by itself", quoted(path)));
            return;
        }
    if (open_files_.size() >= kDeepestInclude) {
        report(origin, path, fmt::format("files are included more than {} deep", kDeepestInclude));
        return;
    }
    if (auto warning = writable_warning(path, *file)) loaded_.diagnostics.push_back(*warning);
    open_files_.push_back(key);
    load_text(path, std::move(file->text), defaults);
    open_files_.pop_back();
}

// The defaults are a copy: what an included file sets ends with it.
void Loader::load_text(const std::string& name, std::string text, DefaultHosts defaults) {
    if (first_name_.empty()) first_name_ = name;
    const Source source(name, std::move(text), loaded_.diagnostics);
    Lexer lexer(source);
    Line tokens;
    while (lexer.next(tokens))
        load_line(source, lexer, tokens, defaults);
}

void Loader::load_line(const Source& source, Lexer& lexer, Line& tokens, DefaultHosts& defaults) {
    if (tokens.front().text.starts_with('.')) {
        include(source, tokens, defaults);
        return;
    }
    if (const auto hosts = parse_default_hosts(source, tokens)) {
        const int number = tokens.front().at.line;
        defaults = default_hosts(*hosts, fmt::format("the default address of line {}", number));
        return;
    }
    std::optional<ServiceLine> line;
    if (is_definition(tokens)) {
        if (!lexer.definition(tokens)) return;
        line = parse_definition(source, tokens);
    } else {
        line = parse_line(source, tokens);
    }
    if (!line || !line->enabled) {
        overrides_.excuse(tokens.front().text);
        return;
    }
    add(source, *line, defaults);
}

void Loader::add(const Source& source, const ServiceLine& line, const DefaultHosts& defaults) {
    std::optional<Draft> draft = resolver_.resolve(source, line, defaults);
    if (!draft) {
        overrides_.excuse(line.service.text);
        return;
    }
    draft->config.terms = terms_.share(*draft);
    if (trace_) loaded_.drafts.push_back(*draft);
    if (!draft->enabled) return;
    const auto config = std::make_shared<const ServiceConfig>(std::move(draft->config));
    if (overlap_.add(source, line.service.at, config)) loaded_.services.push_back(config);
}

static std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

void Loader::include(const Source& source, const Line& tokens, const DefaultHosts& defaults) {
    const Token& directive = tokens.front();
    if (directive.text != ".include") {
        source.error(directive.at, fmt::format("unknown directive {}", quoted(directive.text)),
                     suggestion(directive.text, {".include"}, "the directive is '.include'"));
        return;
    }
    if (tokens.size() != 2 || tokens[1].text.empty()) {
        source.error(directive.at, "'.include' takes one file name or pattern",
                     "write '.include \"inetd.d/*.conf\"'");
        return;
    }
    std::string pattern = tokens[1].text;
    if (!pattern.starts_with('/')) pattern.insert(0, directory_of(source.name()));
    const Origin origin{source, tokens[1].at};
    for (const std::string& path : matching_files(pattern))
        load_any(path, &origin, defaults);
}

Loaded Loader::finish() {
    overrides_.finish();
    if (overrides_.spoiled()) loaded_.services.clear();
    apply_daemon_user(loaded_);
    if (auto orphan = overlap_.orphan()) loaded_.diagnostics.push_back(std::move(*orphan));
    if (loaded_.services.empty() && !has_errors(loaded_.diagnostics)) {
        Diagnostic diagnostic;
        diagnostic.severity = Diagnostic::Severity::warning;
        diagnostic.file = first_name_;
        diagnostic.text = "there are no services in this configuration";
        loaded_.diagnostics.push_back(std::move(diagnostic));
    }
    return std::move(loaded_);
}

Loaded load_config(const LoadOptions& options) {
    Loader loader(options);
    for (const std::string& path : options.paths)
        loader.load_path(path);
    return loader.finish();
}

Loaded load_config_text(const std::string& text, const std::string& name,
                        const LoadOptions& options, const std::string& settings) {
    Loader loader(options, settings);
    loader.load_text(name, text, loader.first_default());
    return loader.finish();
}

} // namespace inetd
