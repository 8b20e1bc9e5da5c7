#include "config/diagnostic.h"

#include "config/source.h"

#include <doctest/doctest.h>

using namespace inetd;

static Diagnostic example() {
    return {.severity = Diagnostic::Severity::error,
            .file = "inetd.conf",
            .line = 3,
            .column = 5,
            .text = "unknown socket type 'steam'",
            .source = "ftp\tsteam tcp",
            .hint = "did you mean 'stream'?"};
}

TEST_CASE("a diagnostic names its place as far as it has one") {
    Diagnostic diagnostic = example();
    CHECK(diagnostic.headline() == "inetd.conf:3:5: error: unknown socket type 'steam'");
    diagnostic.severity = Diagnostic::Severity::warning;
    diagnostic.column = 0;
    CHECK(diagnostic.headline() == "inetd.conf:3: warning: unknown socket type 'steam'");
    diagnostic.line = 0;
    CHECK(diagnostic.headline() == "inetd.conf: warning: unknown socket type 'steam'");
    CHECK(diagnostic.full() == diagnostic.headline() + "\nhint: did you mean 'stream'?");
}

TEST_CASE("the caret stands below its column") {
    Diagnostic diagnostic = example();
    const std::string head = diagnostic.headline();
    CHECK(diagnostic.full() == head + "\nftp\tsteam tcp\n   \t^\nhint: did you mean 'stream'?");

    diagnostic.hint.clear();
    diagnostic.source = "f\u00e4p steam"; // two bytes, one column of the screen
    diagnostic.column = 6;
    CHECK(diagnostic.full() == diagnostic.headline() + "\nf\u00e4p steam\n    ^");

    diagnostic.source = "a\x1b[0m b";
    diagnostic.column = 7;
    CHECK(diagnostic.full() == diagnostic.headline() + "\na?[0m b\n      ^");

    diagnostic.source = "ab";
    diagnostic.column = 99;
    CHECK(diagnostic.full() == diagnostic.headline() + "\nab\n  ^");
    diagnostic.column = 0;
    CHECK(diagnostic.full() == diagnostic.headline() + "\nab");
}

TEST_CASE("of a very long line only the part around the column is shown") {
    Diagnostic diagnostic = example();
    diagnostic.hint.clear();
    diagnostic.source = std::string(5000, 'x') + "!" + std::string(5000, 'y');
    diagnostic.column = 5001;
    const std::string full = diagnostic.full();
    const auto lines_at = diagnostic.headline().size() + 1;
    const auto caret = full.find('^');
    CHECK(full.size() < 600);
    const auto line_end = full.find('\n', lines_at);
    CHECK(full[lines_at + (caret - line_end - 1)] == '!');
    CHECK(full.substr(lines_at, 3) == "...");
    CHECK(full.substr(line_end - 3, 3) == "...");
}

TEST_CASE("only errors count as errors") {
    Diagnostic warning = example();
    warning.severity = Diagnostic::Severity::warning;
    CHECK(!has_errors({}));
    CHECK(!has_errors({warning}));
    CHECK(has_errors({warning, example()}));
}

TEST_CASE("quoted text is short and harmless") {
    CHECK(quoted("ftp") == "'ftp'");
    CHECK(quoted("a\x1b") == "'a\\x1b'");
    CHECK(quoted(std::string(500, 'x')).size() < 100);
}
