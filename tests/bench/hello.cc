// The smallest server: a line, and the end.

#include "own_start.h"

static int serve() {
    static constexpr char kLine[] = "hello\n";
    constexpr long kLength = sizeof kLine - 1;
    return call(SYS_write, {1, address(kLine), kLength}) == kLength ? 0 : 1;
}
