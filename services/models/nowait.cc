// The same for one client alone, on a connection that inetd has accepted: a process and a program
// for each. Linked statically, so that starting it is the exec alone.
//
// inetd.conf: 10022 stream tcp nowait nobody /usr/src/inetd/build/services/models/nowait nowait
// try: printf '4000\n' | nc localhost 10022 | wc -c

#include "conversation.h"

#include <unistd.h>

int main() {
    alarm(10);
    models::serve(STDIN_FILENO);
}
