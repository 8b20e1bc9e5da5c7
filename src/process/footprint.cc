#include "process/footprint.h"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace inetd {

struct Pages {
    void* first = nullptr;
    std::size_t size = 0;
};

// Segments that cannot be written have no page of our own in them: relocations go into writable
// ones, which the linker protects later (RELRO) and which have PF_W all the same. So the kernel may
// drop the pages and finds them in the file again.
static int add_clean_pages(dl_phdr_info* object, std::size_t /*size*/, void* data) {
    const auto page = static_cast<std::uintptr_t>(getpagesize());
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t first = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const std::uintptr_t last = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): it is an address, which no object is at
        auto* const start = reinterpret_cast<void*>(first);
        static_cast<std::vector<Pages>*>(data)->push_back({start, last - first});
    }
    return 0;
}

void shrink_footprint() {
    malloc_trim(0);
    // All are known before one is dropped, as the list of them is in pages that are.
    std::vector<Pages> clean;
    dl_iterate_phdr(add_clean_pages, &clean);
    for (const Pages& pages : clean)
        madvise(pages.first, pages.size, MADV_DONTNEED);
}

} // namespace inetd
