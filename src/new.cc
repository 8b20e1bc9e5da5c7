#include <cstdlib>
#include <new>

// As those of the C++ library, which is all that the service of a client would need of it: these
// let its pages go from memory after the start. Part of the daemon alone, and not for sanitizers:
// in place of theirs these would hide what they look for.
#ifdef __SANITIZE_ADDRESS__
#error "built with a sanitizer"
#endif
// NOLINTBEGIN(cppcoreguidelines-no-malloc): whoever calls these owns what they return

void* operator new(std::size_t size) {
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

// NOLINTEND(cppcoreguidelines-no-malloc)
