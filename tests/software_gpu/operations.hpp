// What PTX's operations make of one lane's values, as the "Parallel Thread Execution ISA" defines them: IEEE arithmetic, rounded to nearest even, with denormals; of float operations, a NaN is
// always 0x7fffffff.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace arcuate::software_gpu {

template <class T>
T clean(T value) {
    if constexpr (std::is_same_v<T, float>) return value == value ? value : std::bit_cast<float>(0x7fffffffu);
    return value;
}

template <class T>
using Unsigned = std::make_unsigned_t<std::conditional_t<std::is_floating_point_v<T>, std::int32_t, T>>;

struct Add {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>)
            return clean(a + b);
        else
            return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
    }
};
struct Sub {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>)
            return clean(a - b);
        else
            return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
    }
};
struct Mul {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>)
            return clean(a * b);
        else
            return static_cast<T>(std::uint64_t{static_cast<Unsigned<T>>(a)} * static_cast<Unsigned<T>>(b));
    }
};
struct MulHigh {
    template <class T>
    T operator()(T a, T b) const {
        using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
        return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b) >> (8 * sizeof(T)));
    }
};
struct MulAdd {
    template <class T>
    T operator()(T a, T b, T c) const {
        return Add{}(Mul{}(a, b), c);
    }
};
struct Fma {
    template <class T>
    T operator()(T a, T b, T c) const {
        return clean(std::fma(a, b, c));
    }
};
struct Div {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>)
            return clean(a / b);
        else if (b == 0)
            return static_cast<T>(-1);  // unspecified
        else if (std::is_signed_v<T> && b == static_cast<T>(-1))
            return Sub{}(T{0}, a);
        else
            return static_cast<T>(a / b);
    }
};
struct Rem {
    template <class T>
    T operator()(T a, T b) const {
        return b == 0 ? a : std::is_signed_v<T> && b == static_cast<T>(-1) ? T{0} : static_cast<T>(a % b);
    }
};
struct Sqrt {
    template <class T>
    T operator()(T a) const {
        return clean(std::sqrt(a));
    }
};
struct Rcp {
    template <class T>
    T operator()(T a) const {
        return clean(T{1} / a);
    }
};
struct Neg {
    template <class T>
    T operator()(T a) const {
        if constexpr (std::is_floating_point_v<T>)
            return -a;
        else
            return Sub{}(T{0}, a);
    }
};
struct Abs {
    template <class T>
    T operator()(T a) const {
        if constexpr (std::is_floating_point_v<T>)
            return std::fabs(a);
        else
            return a < 0 ? Sub{}(T{0}, a) : a;
    }
};
struct Min {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>) {
            if (a != a) return clean(b);
            if (b != b) return a;
            if (a == b) return std::signbit(a) ? a : b;
        }
        return a < b ? a : b;
    }
};
struct Max {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>) {
            if (a != a) return clean(b);
            if (b != b) return a;
            if (a == b) return std::signbit(a) ? b : a;
        }
        return a > b ? a : b;
    }
};
struct And {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a & b);
    }
};
struct Or {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a | b);
    }
};
struct Xor {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a ^ b);
    }
};
struct Not {
    template <class T>
    T operator()(T a) const {
        return static_cast<T>(~a);
    }
};
struct Copy {
    template <class T>
    T operator()(T a) const {
        return a;
    }
};
struct Brev {
    std::uint32_t operator()(std::uint32_t a) const {
        std::uint32_t r = 0;
        for (int i = 0; i < 32; ++i) r |= (a >> i & 1) << (31 - i);
        return r;
    }
};
struct Popc {
    template <class T>
    std::uint32_t operator()(T a) const {
        return static_cast<std::uint32_t>(std::popcount(a));
    }
};
struct FindShift {
    std::uint32_t operator()(std::uint32_t a) const { return a ? static_cast<std::uint32_t>(std::countl_zero(a)) : ~0u; }
};
struct Shl {
    template <class T>
    T operator()(T a, std::uint32_t b) const {
        return b >= 8 * sizeof(T) ? T{0} : static_cast<T>(static_cast<Unsigned<T>>(a) << b);
    }
};
struct Shr {
    template <class T>
    T operator()(T a, std::uint32_t b) const {
        return static_cast<T>(b < 8 * sizeof(T) ? a >> b : a < 0 ? T(-1) : T{0});
    }
};

// --- comparisons; those with a u are true of NaN, too ---

struct Lt {
    template <class T>
    bool operator()(T a, T b) const {
        return a < b;
    }
};
struct Le {
    template <class T>
    bool operator()(T a, T b) const {
        return a <= b;
    }
};
struct Gt {
    template <class T>
    bool operator()(T a, T b) const {
        return a > b;
    }
};
struct Ge {
    template <class T>
    bool operator()(T a, T b) const {
        return a >= b;
    }
};
struct Eq {
    template <class T>
    bool operator()(T a, T b) const {
        return a == b;
    }
};
struct Ne {
    template <class T>
    bool operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>)
            return a < b || a > b;
        else
            return a != b;
    }
};
struct Num {
    template <class T>
    bool operator()(T a, T b) const {
        return a == a && b == b;
    }
};
template <class Op>
struct OrNan {
    template <class T>
    bool operator()(T a, T b) const {
        return Op{}(a, b) || !Num{}(a, b);
    }
};
struct Nan {
    template <class T>
    bool operator()(T a, T b) const {
        return !Num{}(a, b);
    }
};

/// To the nearest, or towards zero; an integer that is too small or large becomes the least or the largest.
template <class D, class S>
D converted(S s, bool truncate) {
    if constexpr (std::is_floating_point_v<S> && std::is_integral_v<D>) {
        if (s != s) return sizeof(D) == 8 ? std::numeric_limits<D>::min() : D{0};
        const S whole = truncate ? std::trunc(s) : std::nearbyint(s);
        if (whole <= static_cast<S>(std::numeric_limits<D>::min())) return std::numeric_limits<D>::min();
        if (whole >= static_cast<S>(std::numeric_limits<D>::max())) return std::numeric_limits<D>::max();
        return static_cast<D>(whole);
    } else {
        return clean(static_cast<D>(s));
    }
}

}  // namespace arcuate::software_gpu
