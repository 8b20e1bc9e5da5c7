#include "process/spawn_stage.h"

namespace inetd {

const char* stage_text(SpawnStage stage) {
    switch (stage) {
    case SpawnStage::control_group:
        return "moving to its control group";
    case SpawnStage::descriptors:
        return "setting up descriptors";
    case SpawnStage::session:
        return "starting a process group";
    case SpawnStage::priority:
        return "setting the priority";
    case SpawnStage::io_priority:
        return "setting the I/O priority";
    case SpawnStage::network:
        return "making a private network";
    case SpawnStage::root:
        return "changing the root to";
    case SpawnStage::paths:
        return "opening for landlock";
    case SpawnStage::limits:
        return "setting the limit of";
    case SpawnStage::groups:
        return "setting the supplementary groups";
    case SpawnStage::group:
        return "setting the group";
    case SpawnStage::user:
        return "setting the user";
    case SpawnStage::capabilities:
        return "setting the capabilities";
    case SpawnStage::directory:
        return "changing the directory to";
    case SpawnStage::no_new_privileges:
        return "setting no_new_privs";
    case SpawnStage::landlock:
        return "confining by landlock";
    case SpawnStage::mask:
        return "setting the signal mask";
    case SpawnStage::exec:
        return "exec";
    }
    return "";
}

} // namespace inetd
