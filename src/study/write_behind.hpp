// Writing in the background, beside the computation that goes on.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace arcuate::study {

/// Writes one thing after another on a thread of its own. Destroyed, it ends the one that is under way and leaves out the others.
class WriteBehind {
  public:
    ~WriteBehind();
    WriteBehind() = default;
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;

    /// To be written in its turn; with a single thread (io/threads.hpp) at once. Throws what went wrong before.
    void add(std::function<void()> write);
    /// Waits until all is written. Throws what went wrong.
    void finish();

  private:
    void work();
    void rethrow();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> waiting_;
    bool busy_ = false, stop_ = false;
    std::exception_ptr failure_;
    std::jthread thread_;
};

}  // namespace arcuate::study
