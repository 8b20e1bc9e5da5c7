#include "process/footprint.h"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace inetd {

// Segments that cannot be written have no page of our own in them: relocations go into writable
// ones, which the linker protects later (RELRO) and which have PF_W all the same. So the kernel may
// drop the pages and finds them in the file again.
static int drop_pages(dl_phdr_info* object, std::size_t /*size*/, void* /*data*/) {
    const auto page = static_cast<std::uintptr_t>(getpagesize());
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t first = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const std::uintptr_t last = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): it is an address, which no object is at
        madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
    }
    return 0;
}

void shrink_footprint() {
    malloc_trim(0);
    dl_iterate_phdr(drop_pages, nullptr);
}

} // namespace inetd
