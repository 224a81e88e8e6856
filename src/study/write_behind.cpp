#include "study/write_behind.hpp"

#include "arcuate/io/threads.hpp"

#include <utility>

namespace arcuate::study {

WriteBehind::~WriteBehind() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        waiting_.clear();
    }
    changed_.notify_all();
}

void WriteBehind::add(std::function<void()> write) {
    if (io::threads() == 1) return write();
    const std::lock_guard lock(mutex_);
    rethrow();
    waiting_.push_back(std::move(write));
    if (!thread_.joinable()) thread_ = std::jthread([this] { work(); });
    changed_.notify_all();
}

void WriteBehind::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || (waiting_.empty() && !busy_); });
    rethrow();
}

void WriteBehind::rethrow() {
    if (failure_) std::rethrow_exception(failure_);
}

void WriteBehind::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
        if (stop_) return;
        auto write = std::move(waiting_.front());
        waiting_.pop_front();
        busy_ = true;
        lock.unlock();
        std::exception_ptr failure;
        try {
            write();
            write = nullptr;  // what it held
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        busy_ = false;
        if (failure) {
            failure_ = failure;
            waiting_.clear();
        }
        changed_.notify_all();
    }
}

}  // namespace arcuate::study
