#pragma once

// The ways in which one server can serve many clients, one function a model. Each serves whoever
// comes to descriptor 0, and returns when nobody has come for a while and nobody is left.
namespace models {

// One after the other.
void serve_one_by_one();

// A process for each client.
void fork_for_each();

// Processes that are there before the clients come: all of them accept; whoever has the lock does;
// or their parent does, and hands them the connections.
void prefork_accepting();
void prefork_locking();
void prefork_passing();

// The same two with threads.
void thread_for_each();
void prethread();

// All clients in one thread, by epoll(7).
void loop();

} // namespace models
