#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace inetd {

// Why an expected failure happened: `what` names the operation and its object ("bind [::1]:79"),
// `code` is the errno, or 0 when no system call is to blame.
struct Error {
    std::string what;
    int code = 0;

    // "bind [::1]:79: Address already in use"
    [[nodiscard]] std::string text() const;
};

// An Error with the present errno.
[[nodiscard]] Error errno_error(std::string what);

// A value or an Error, with the names of std::expected (which GCC 12 has not in C++20).
template<typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
    [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(value()); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    [[nodiscard]] const Error& error() const {
        assert(!has_value());
        return *std::get_if<1>(&state_);
    }

  private:
    std::variant<T, Error> state_;
};

// Success, or an Error.
template<>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    [[nodiscard]] bool has_value() const noexcept { return !failed_; }
    explicit operator bool() const noexcept { return !failed_; }
    [[nodiscard]] const Error& error() const {
        assert(failed_);
        return error_;
    }

  private:
    Error error_;
    bool failed_ = false;
};

} // namespace inetd
