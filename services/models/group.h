#pragma once

// Processes that end together.
namespace models {

// SIGTERM for this process, the parent of all others, ends the others first and waits for them, so
// that their processor time counts as that of this process's children.
void lead_group();
// To be called in a child. It ends when its parent does, whatever the parent died of: nobody may
// accept on a socket that inetd watches again.
void follow(int parent);
// Until the last child has ended.
void await_children();

} // namespace models
