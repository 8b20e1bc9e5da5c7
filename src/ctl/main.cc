#include "ctl/export.h"
#include "ctl/import.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <exception>

int main(int argc, char** argv) {
    using namespace inetd::ctl;
    try {
        CLI::App app("Looks after inetd.", "inetctl");
        Context context;
        app.set_version_flag("--version", "inetctl " INETD_VERSION);
        app.add_option("-s,--socket", context.socket, "The control socket of inetd")
            ->type_name("PATH");
        app.require_subcommand(1);
        add_overview_verbs(app, context);
        add_show_verbs(app, context);
        add_watch_verbs(app, context);
        add_top_verbs(app, context);
        add_try_verbs(app, context);
        add_check_verbs(app, context);
        add_hold_verbs(app, context);
        add_change_verbs(app, context);
        add_import(app, context);
        add_export(app, context);
        app.footer("See inetctl(1).");
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            return app.exit(error) == 0 ? kExitOk : kExitUsage;
        }
        return context.run();
    } catch (const std::exception& error) {
        // A reply of another shape than the interface's, for one.
        complain(error.what());
        return kExitFailed;
    }
}
