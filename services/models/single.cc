#include "clients.h"
#include "conversation.h"
#include "models.h"

namespace models {

void serve_one_by_one() {
    for (int client = -1; (client = next_client()) >= 0;)
        serve(client);
}

} // namespace models
