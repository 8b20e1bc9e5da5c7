#include "process/vdso_clock.h"

#include <dlfcn.h>

namespace inetd {

VdsoClock vdso_clock() {
    // The kernel maps it into every process, and the dynamic linker knows it by this name.
    void* vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (vdso == nullptr) return nullptr;
    void* symbol = dlsym(vdso, "__vdso_clock_gettime");
    if (symbol == nullptr) symbol = dlsym(vdso, "__kernel_clock_gettime"); // of arm64
    dlclose(vdso);
    return reinterpret_cast<VdsoClock>(symbol);
}

} // namespace inetd
