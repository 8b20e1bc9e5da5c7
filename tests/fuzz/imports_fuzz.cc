#include "ctl/export_systemd.h"
#include "ctl/import_systemd.h"
#include "ctl/import_xinetd.h"
#include "ctl/imported_text.h"
#include "ctl/unit_command.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace inetd::ctl;

// Whatever the text is, no line of it may get into the files but as a comment or a service.
static void check(const Imported& imported) {
    const std::string conf = conf_text(imported);
    std::size_t lines = 0;
    for (std::size_t at = 0; at < conf.size(); at = conf.find('\n', at) + 1)
        if (conf[at] != '#' && conf[at] != '\n') ++lines;
    std::size_t services = 0;
    for (const ImportedService& service : imported.services)
        if (service.left_out.empty() && !service.program.empty()) ++services;
    if (lines != services) __builtin_trap();
    (void)cfg_text(imported);
    (void)notices_text(imported);
}

static void import_units(const std::string& text) {
    inetd::ctl::Unit socket{.name = "x.socket", .file = "x.socket"};
    parse_unit(text, socket.file, socket.settings);
    // It would read files of this machine.
    std::erase_if(socket.settings,
                  [](const UnitSetting& setting) { return setting.key == "EnvironmentFile"; });
    Imported imported;
    import_unit(socket, &socket, imported);
    leave_out_clashes(imported);
    check(imported);
    (void)service_of(socket);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (text.find("include") == std::string::npos) {
        XinetdFiles files;
        parse_xinetd(text, "fuzz", files);
        check(import_xinetd(files, true));
    }
    import_units(text);
    if (const auto command = unit_command(text, {{"A", "b c"}}); command && command->argv.empty())
        __builtin_trap();
    // A word that is written is read as the same, but for what is replaced in it.
    if (text.find_first_of(std::string("%$\0", 3)) == std::string::npos &&
        unit_words(unit_word(text)) != std::vector<std::string>{text})
        __builtin_trap();
    return 0;
}
