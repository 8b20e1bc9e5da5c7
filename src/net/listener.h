#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "net/inherited.h"
#include "net/socket.h"

#include <memory>
#include <string>

namespace inetd {

// One bound socket, or none. Owns the descriptor and, for a unix path, the file, unless that is a
// unit's: both go when it dies. Whoever has it knows the spec that it was opened for.
class Listener {
  public:
    Listener() = default;
    static Result<Listener> open(const ListenSpec& spec, const SocketOptions& options,
                                 const PrepareSocket& prepare);
    // Takes a socket that is bound as the spec says; on an error `from` is as it was. While a
    // server of before has the socket (`lent`), it stays blocking or not, as that server wants it.
    static Result<Listener> adopt(InheritedSocket& from, const ListenSpec& spec,
                                  const SocketOptions& options, const PrepareSocket& prepare,
                                  bool lent);

    explicit operator bool() const { return static_cast<bool>(fd_); }

    // Options that have changed. A unit's socket keeps all that the unit says but buffers and
    // backlog.
    [[nodiscard]] Result<void> apply(const ListenSpec& spec, const SocketOptions& options) const;

    [[nodiscard]] Holder holder() const { return holder_; }
    void set_holder(Holder holder) { holder_ = holder; }
    // Gives the descriptor up; the file stays for whoever has it next.
    [[nodiscard]] Fd release();

    // Makes it block, as a server that is given it expects, and notes that processes which that one
    // leaves behind may have it from now on.
    void lend();
    [[nodiscard]] bool was_lent() const { return was_lent_; }

    // What a process that shares the socket has done to it.
    struct Repair {
        bool was_shut = false; // by shutdown(2)
        bool was_connected = false;
        bool was_filtered = false;
        bool undone = true; // if not, nothing will come through it any more: open another one
        std::string cause;  // of that, where there is more to be said

        [[nodiscard]] bool needed() const {
            return was_shut || was_connected || was_filtered || !undone;
        }
        // "was filtered by a server (its filter is locked)"
        [[nodiscard]] std::string text() const;
    };
    // The backlog is as the options say afterwards, too.
    [[nodiscard]] Repair repair(const ListenSpec& spec, const SocketOptions& options) const;

    // Frees the address at once, also while a child that has not come to its exec yet holds the
    // socket too. Only for one that nobody else is to accept from any more.
    void shut_down() const;

    [[nodiscard]] int fd() const { return fd_.get(); }

    enum class Outcome {
        accepted,
        empty,     // nobody waits
        exhausted, // EMFILE, ENFILE, ENOBUFS, ENOMEM, or EPERM and EACCES of a security module: the
                   // client stays in the backlog
        failed,    // this one connection is gone, as accept(2) lists; the next may do
        broken,    // the socket itself is of no use any more
    };
    struct Accepted {
        Outcome outcome = Outcome::empty;
        Fd fd;
        SocketAddress peer;
        int code = 0; // errno unless accepted
    };
    // `blocking` is what the accepted socket shall be; it is close-on-exec in any case.
    [[nodiscard]] Accepted accept(bool blocking) const;
    // Cheaper than to accept in vain, for which Linux makes a whole socket first.
    [[nodiscard]] bool has_client() const;

  private:
    // A unix socket's: unlinked when this dies, if it is still the one that was there first.
    class File {
      public:
        explicit File(const SocketAddress& address)
            : address_(address), identity_(identify_file(address)) {}
        File(const File&) = delete;
        File& operator=(const File&) = delete;
        ~File() { remove_file(address_, identity_); }
        void leave() { identity_ = {}; }

      private:
        SocketAddress address_;
        SocketFile identity_;
    };
    Listener(Fd fd, const SocketAddress& address, Holder holder);

    Fd fd_;
    Holder holder_ = Holder::nobody;
    bool was_lent_ = false;
    std::unique_ptr<File> file_; // null: none, or not ours; goes before the descriptor
};

} // namespace inetd
