// The smallest server: a line, and the end. Linked statically, so that starting it is the exec
// alone.

#include <unistd.h>

int main() {
    static constexpr char kLine[] = "hello\n";
    return write(STDOUT_FILENO, kLine, sizeof kLine - 1) == sizeof kLine - 1 ? 0 : 1;
}
