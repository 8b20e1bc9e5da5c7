#pragma once

namespace inetd {

// Gives back the memory that a start or a reload has needed and serving does not: free heap, and
// the pages of code and constants of the program and its libraries. What is used after all is
// mapped again from the page cache, one fault for sixteen pages.
void shrink_footprint();

} // namespace inetd
