#pragma once

#include <memory>

namespace inetd {

// What few of many objects ever need: made when it is first asked for, and a null pointer before.
template<typename T>
class Lazy {
  public:
    // Makes it if there is none.
    T& get() {
        if (!made_) made_ = std::make_unique<T>();
        return *made_;
    }
    explicit operator bool() const { return made_ != nullptr; }
    // Only if there is one.
    T& operator*() { return *made_; }
    T* operator->() { return made_.get(); }
    const T* operator->() const { return made_.get(); }
    void reset() { made_.reset(); }

  private:
    std::unique_ptr<T> made_;
};

} // namespace inetd
