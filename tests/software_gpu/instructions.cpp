// Which instruction of PTX does what to the registers of a warp (operations.hpp: to one lane's values).
#include "operations.hpp"
#include "ptx.hpp"
#include "warp.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace arcuate::software_gpu {
namespace {

template <class Do>
void lanes(std::uint32_t mask, const Do& run) {
    if (mask == ~0u) {
#pragma GCC ivdep
        for (int lane = 0; lane < warp_lanes; ++lane) run(lane);
    } else {
        for (; mask; mask &= mask - 1) run(std::countr_zero(mask));
    }
}

// --- arithmetic: d = Op(a, b, c), each lane by itself (operations.hpp) ---

template <class R, class A, class Op>
void one(Warp& w, const Instruction& i) {
    const A* const a = w.in<A>(i.a);
    R* const d = w.out<R>(i.d);
    lanes(w.active(), [&](int l) { d[l] = static_cast<R>(Op{}(a[l])); });
}
template <class R, class A, class B, class Op>
void two(Warp& w, const Instruction& i) {
    const A* const a = w.in<A>(i.a);
    const B* const b = w.in<B>(i.b);
    R* const d = w.out<R>(i.d);
    lanes(w.active(), [&](int l) { d[l] = Op{}(static_cast<R>(a[l]), b[l]); });
}
template <class T, class Op>
void same_two(Warp& w, const Instruction& i) {
    two<T, T, T, Op>(w, i);
}
template <class R, class A, class Op>
void wide(Warp& w, const Instruction& i) {
    const A *const a = w.in<A>(i.a), *const b = w.in<A>(i.b);
    R* const d = w.out<R>(i.d);
    lanes(w.active(), [&](int l) { d[l] = Op{}(static_cast<R>(a[l]), static_cast<R>(b[l])); });
}
template <class T, class Op>
void three(Warp& w, const Instruction& i) {
    const T *const a = w.in<T>(i.a), *const b = w.in<T>(i.b), *const c = w.in<T>(i.c);
    T* const d = w.out<T>(i.d);
    lanes(w.active(), [&](int l) { d[l] = Op{}(a[l], b[l], c[l]); });
}

// --- predicates: a bit per lane ---

void set_bits(Warp& w, std::int32_t d, std::uint32_t bits) {
    auto& word = *w.out<std::uint32_t>(d);
    word = (word & ~w.active()) | (bits & w.active());
}
template <class Op>
void predicates_two(Warp& w, const Instruction& i) {
    set_bits(w, i.d, Op{}(*w.in<std::uint32_t>(i.a), *w.in<std::uint32_t>(i.b)));
}
template <class Op>
void predicates_one(Warp& w, const Instruction& i) {
    set_bits(w, i.d, Op{}(*w.in<std::uint32_t>(i.a)));
}

template <class T, class Op>
void compare(Warp& w, const Instruction& i) {
    const T *const a = w.in<T>(i.a), *const b = w.in<T>(i.b);
    std::uint32_t bits = 0;
    for (int l = 0; l < warp_lanes; ++l) bits |= std::uint32_t{Op{}(a[l], b[l])} << l;
    set_bits(w, i.d, bits);
}
template <class T>
void select(Warp& w, const Instruction& i) {
    const T *const a = w.in<T>(i.a), *const b = w.in<T>(i.b);
    const auto p = *w.in<std::uint32_t>(i.c);
    T* const d = w.out<T>(i.d);
    lanes(w.active(), [&](int l) { d[l] = p >> l & 1 ? a[l] : b[l]; });
}

// --- conversions; the registers may be wider than the types ---

template <class D, class S, bool truncate>
void convert(Warp& w, const Instruction& i) {
    const auto* const a = w.in<std::byte>(i.a);
    auto* const d = w.out<std::byte>(i.d);
    const int from = i.width[0], to = i.width[1];
    if (from == sizeof(S) && to == sizeof(D)) {
        const S* const s = w.in<S>(i.a);
        D* const r = w.out<D>(i.d);
        lanes(w.active(), [&](int l) { r[l] = converted<D>(s[l], truncate); });
        return;
    }
    lanes(w.active(), [&](int l) {
        S s;
        std::memcpy(&s, a + l * from, sizeof(S));
        const D value = converted<D>(s, truncate);
        std::uint64_t bits = 0;
        if constexpr (std::is_integral_v<D>)
            bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        else
            std::memcpy(&bits, &value, sizeof(D));
        std::memcpy(d + l * to, &bits, static_cast<std::size_t>(to));
    });
}

void float_of_half(Warp& w, const Instruction& i) {
    lanes(w.active(), [&](int l) { w.out<float>(i.d)[l] = clean(static_cast<float>(std::bit_cast<_Float16>(w.in<std::uint16_t>(i.a)[l]))); });
}
void half_of_float(Warp& w, const Instruction& i) {
    lanes(w.active(), [&](int l) { w.out<std::uint16_t>(i.d)[l] = std::bit_cast<std::uint16_t>(static_cast<_Float16>(w.in<float>(i.a)[l])); });
}

// --- memory ---

template <class T>
void load(Warp& w, const Instruction& i) {
    const int width = i.width[0];
    if (width == sizeof(T) && i.count == 1) {
        T* const d = w.out<T>(i.data[0]);
        for (auto mask = w.active(); mask; mask &= mask - 1) d[std::countr_zero(mask)] = *w.place<T>(i, std::countr_zero(mask), 1, false);
        return;
    }
    for (auto mask = w.active(); mask; mask &= mask - 1) {
        const int l = std::countr_zero(mask);
        const T* const from = w.place<T>(i, l, static_cast<std::size_t>(i.count), false);
        for (int k = 0; k < i.count; ++k) {
            if (width == sizeof(T)) {
                w.out<T>(i.data[k])[l] = from[k];
            } else {
                const auto value = static_cast<std::int64_t>(from[k]);  // sign extended, or with zeros
                std::memcpy(w.out<std::byte>(i.data[k]) + l * width, &value, static_cast<std::size_t>(width));
            }
        }
    }
}
template <class T>
void store(Warp& w, const Instruction& i) {
    const int width = i.width[0];
    for (auto mask = w.active(); mask; mask &= mask - 1) {
        const int l = std::countr_zero(mask);
        T* const to = w.place<T>(i, l, static_cast<std::size_t>(i.count), true);
        for (int k = 0; k < i.count; ++k) std::memcpy(to + k, w.in<std::byte>(i.data[k]) + l * width, sizeof(T));
    }
}
template <class T, class Op>
void atomic(Warp& w, const Instruction& i) {
    for (auto mask = w.active(); mask; mask &= mask - 1) {
        const int l = std::countr_zero(mask);
        w.place<T>(i, l, 1, false);
        std::atomic_ref<T> cell(*w.place<T>(i, l, 1, true));
        T now = cell.load();
        while (!cell.compare_exchange_weak(now, Op{}(now, w.in<T>(i.b)[l]))) {
        }
        w.out<T>(i.d)[l] = now;
    }
}

// --- moves ---

template <class T>
void move(Warp& w, const Instruction& i) {
    T* const d = w.out<T>(i.d);
    if (i.base != Base::none) {
        lanes(w.active(), [&](int l) { d[l] = static_cast<T>(w.address(i, l)); });
    } else if (i.count == 0) {
        lanes(w.active(), [&](int l) { d[l] = static_cast<T>(w.special(i.offset, l)); });
    } else if (i.count == 1) {
        one<T, T, Copy>(w, i);
    } else {  // {lower, upper, ...} and back
        const auto part = static_cast<std::size_t>(i.width[1] / i.count);
        lanes(w.active(), [&](int l) {
            for (int k = 0; k < i.count; ++k) {
                const auto lane = static_cast<std::size_t>(l);
                if (i.d < 0)
                    std::memcpy(w.out<std::byte>(i.data[k]) + lane * part, w.in<std::byte>(i.a) + lane * sizeof(T) + static_cast<std::size_t>(k) * part, part);
                else
                    std::memcpy(w.out<std::byte>(i.d) + lane * sizeof(T) + static_cast<std::size_t>(k) * part, w.in<std::byte>(i.data[k]) + lane * part, part);
            }
        });
    }
}

template <class T>
void insert_bits(Warp& w, const Instruction& i) {  // a's lowest bits into b, at c, as many as e says
    lanes(w.active(), [&](int l) {
        const auto at = w.in<std::uint32_t>(i.c)[l] & 0xff, bits = w.in<std::uint32_t>(i.e)[l] & 0xff;
        const T ones = bits >= 8 * sizeof(T) ? ~T{0} : static_cast<T>((T{1} << bits) - 1);
        const T mask = at >= 8 * sizeof(T) ? T{0} : static_cast<T>(ones << at), moved = at >= 8 * sizeof(T) ? T{0} : static_cast<T>(w.in<T>(i.a)[l] << at);
        w.out<T>(i.d)[l] = static_cast<T>((w.in<T>(i.b)[l] & ~mask) | (moved & mask));
    });
}

void permute_bytes(Warp& w, const Instruction& i) {
    lanes(w.active(), [&](int l) {
        const auto both = std::uint64_t{w.in<std::uint32_t>(i.b)[l]} << 32 | w.in<std::uint32_t>(i.a)[l];
        const auto which = w.in<std::uint32_t>(i.c)[l];
        std::uint32_t result = 0;
        for (int k = 0; k < 4; ++k) {
            const auto nibble = which >> (4 * k) & 0xf;
            auto byte = static_cast<std::uint8_t>(both >> (8 * (nibble & 7)));
            if (nibble & 8) byte = byte & 0x80 ? 0xff : 0;
            result |= std::uint32_t{byte} << (8 * k);
        }
        w.out<std::uint32_t>(i.d)[l] = result;
    });
}

// --- what the lanes of a mask do together: active() is the mask ---

void shuffle(Warp& w, const Instruction& i) {
    std::uint32_t value[warp_lanes], asked[warp_lanes], limits[warp_lanes], result[warp_lanes], inside = 0;
    w.gather(i.a, value);
    w.gather(i.b, asked);
    w.gather(i.c, limits);
    for_lanes(w.active(), [&](int l) {
        const int clamp = static_cast<int>(limits[l] & 31), segment = static_cast<int>(limits[l] >> 8 & 31), lowest = l & segment;
        int from = lowest | (static_cast<int>(asked[l] & 31) & ~segment);
        const bool valid = from <= (lowest | (clamp & ~segment));
        if (!valid) from = l;
        if (!(w.active() >> from & 1)) w.fail(i, l, "a shuffle from lane " + std::to_string(from) + ", which takes no part");
        result[l] = value[from];
        inside |= std::uint32_t{valid} << l;
    });
    w.scatter(i.d, result);
    if (i.d2 >= 0) w.scatter_predicate(i.d2, inside);
}
void ballot(Warp& w, const Instruction& i) {
    std::uint32_t votes[warp_lanes];
    std::fill(std::begin(votes), std::end(votes), w.gather_predicate(i.a) & w.active());
    w.scatter(i.d, votes);
}
void nothing(Warp&, const Instruction&) {}

// --- which: by the opcode's words ---

using Run = void (*)(Warp&, const Instruction&);

/// Calls get with a value of the type; of the kinds asked for ('s', 'u', 'f'; b counts as u).
template <class Get>
Run by_type(std::string_view type, const Get& get) {
    const auto is = [&](std::string_view name) { return type == name; };
    if (is("s16")) return get(std::int16_t{});
    if (is("u16") || is("b16")) return get(std::uint16_t{});
    if (is("s32")) return get(std::int32_t{});
    if (is("u32") || is("b32")) return get(std::uint32_t{});
    if (is("s64")) return get(std::int64_t{});
    if (is("u64") || is("b64")) return get(std::uint64_t{});
    if (is("f32")) return get(float{});
    if (is("f64")) return get(double{});
    return nullptr;
}
template <class Get>
Run by_integer(std::string_view type, const Get& get) {
    return by_type(type, [&](auto t) -> Run {
        if constexpr (std::is_integral_v<decltype(t)>) return get(t);
        return nullptr;
    });
}
template <class Get>
Run by_memory_type(std::string_view type, const Get& get) {
    if (type == "s8") return get(std::int8_t{});
    if (type == "u8" || type == "b8") return get(std::uint8_t{});
    return by_type(type, get);
}

template <class Op>
Run arithmetic(std::string_view type) {
    return by_type(type, [](auto t) -> Run { return &same_two<decltype(t), Op>; });
}
template <class Op>
Run logic(std::string_view type) {
    if (type == "pred") return &predicates_two<Op>;
    return by_integer(type, [](auto t) -> Run { return &same_two<decltype(t), Op>; });
}
template <class Op>
Run comparison(std::string_view type) {
    return by_type(type, [](auto t) -> Run { return &compare<decltype(t), Op>; });
}

Run compare_by(std::string_view how, std::string_view type) {
    if (how == "lt" || how == "lo") return comparison<Lt>(type);
    if (how == "le" || how == "ls") return comparison<Le>(type);
    if (how == "gt" || how == "hi") return comparison<Gt>(type);
    if (how == "ge" || how == "hs") return comparison<Ge>(type);
    if (how == "eq") return comparison<Eq>(type);
    if (how == "ne") return comparison<Ne>(type);
    if (how == "num") return comparison<Num>(type);
    if (how == "nan") return comparison<Nan>(type);
    if (how == "ltu") return comparison<OrNan<Lt>>(type);
    if (how == "leu") return comparison<OrNan<Le>>(type);
    if (how == "gtu") return comparison<OrNan<Gt>>(type);
    if (how == "geu") return comparison<OrNan<Ge>>(type);
    if (how == "equ") return comparison<OrNan<Eq>>(type);
    if (how == "neu") return comparison<OrNan<Ne>>(type);
    return nullptr;
}

Run conversion(std::string_view to, std::string_view from, bool truncate) {
    if (from == "f16" || to == "f16") return to == "f32" ? &float_of_half : from == "f32" ? &half_of_float : nullptr;
    return by_memory_type(to, [&](auto d) -> Run {
        return by_memory_type(from, [&](auto s) -> Run { return truncate ? &convert<decltype(d), decltype(s), true> : &convert<decltype(d), decltype(s), false>; });
    });
}

int element_bytes(std::string_view type) {
    if (type == "pred") return 0;
    const auto digits = type.substr(type.empty() ? 0 : 1);
    return digits == "8" ? 1 : digits == "16" ? 2 : digits == "64" ? 8 : 4;
}

}  // namespace

bool meaning_of(const std::vector<std::string_view>& parts, Meaning& m) {
    const auto name = parts[0], type = parts.back();
    const auto has = [&](std::string_view word) { return std::find(parts.begin() + 1, parts.end(), word) != parts.end(); };
    for (const auto other : {"ftz", "approx", "sat", "shared", "NaN", "rz", "rm", "rp", "rmi", "rpi"})  // another rounding, another kind of memory
        if (has(other)) return false;
    m.source_bytes[0] = m.source_bytes[1] = m.source_bytes[2] = static_cast<std::int8_t>(element_bytes(type));
    const auto typed = [&](auto make) { return m.run = make(type); };
    if (name == "add")
        typed(arithmetic<Add>);
    else if (name == "sub")
        typed(arithmetic<Sub>);
    else if (name == "mul" && has("wide"))
        m.run = type == "s32"   ? &wide<std::int64_t, std::int32_t, Mul>
                : type == "u32" ? &wide<std::uint64_t, std::uint32_t, Mul>
                : type == "s16" ? &wide<std::int32_t, std::int16_t, Mul>
                                : &wide<std::uint32_t, std::uint16_t, Mul>;
    else if (name == "mul" && has("hi"))
        m.run = by_integer(type, [](auto t) -> Run { return &same_two<decltype(t), MulHigh>; });
    else if (name == "mul")
        typed(arithmetic<Mul>);
    else if (name == "mad" && has("lo"))
        m.run = by_integer(type, [](auto t) -> Run { return &three<decltype(t), MulAdd>; });
    else if (name == "fma")
        m.run = type == "f32" ? &three<float, Fma> : &three<double, Fma>;
    else if (name == "div")
        typed(arithmetic<Div>);
    else if (name == "rem")
        m.run = by_integer(type, [](auto t) -> Run { return &same_two<decltype(t), Rem>; });
    else if (name == "min")
        typed(arithmetic<Min>);
    else if (name == "max")
        typed(arithmetic<Max>);
    else if (name == "sqrt")
        m.run = type == "f32" ? &one<float, float, Sqrt> : &one<double, double, Sqrt>;
    else if (name == "rcp")
        m.run = type == "f32" ? &one<float, float, Rcp> : &one<double, double, Rcp>;
    else if (name == "neg")
        m.run = by_type(type, [](auto t) -> Run { return &one<decltype(t), decltype(t), Neg>; });
    else if (name == "abs")
        m.run = by_type(type, [](auto t) -> Run { return &one<decltype(t), decltype(t), Abs>; });
    else if (name == "and")
        typed(logic<And>);
    else if (name == "or")
        typed(logic<Or>);
    else if (name == "xor")
        typed(logic<Xor>);
    else if (name == "not")
        m.run = type == "pred" ? &predicates_one<Not> : by_integer(type, [](auto t) -> Run { return &one<decltype(t), decltype(t), Not>; });
    else if (name == "shl") {
        m.source_bytes[1] = 4;
        m.run = by_integer(type, [](auto t) -> Run { return &two<decltype(t), decltype(t), std::uint32_t, Shl>; });
    } else if (name == "shr") {
        m.source_bytes[1] = 4;
        m.run = by_integer(type, [](auto t) -> Run { return &two<decltype(t), decltype(t), std::uint32_t, Shr>; });
    } else if (name == "brev")
        m.run = type == "b32" ? &one<std::uint32_t, std::uint32_t, Brev> : nullptr;
    else if (name == "popc")
        m.run = type == "b32" ? &one<std::uint32_t, std::uint32_t, Popc> : &one<std::uint32_t, std::uint64_t, Popc>;
    else if (name == "bfind")
        m.run = has("shiftamt") && type == "u32" ? &one<std::uint32_t, std::uint32_t, FindShift> : nullptr;
    else if (name == "bfi") {
        m.source_bytes[2] = 4;
        m.run = type == "b32" ? &insert_bits<std::uint32_t> : &insert_bits<std::uint64_t>;
    } else if (name == "prmt")
        m.run = parts.size() == 2 ? &permute_bytes : nullptr;
    else if (name == "setp")
        m.run = parts.size() == 3 ? compare_by(parts[1], type) : nullptr;
    else if (name == "selp") {
        m.source_bytes[2] = 0;
        m.run = by_type(type, [](auto t) -> Run { return &select<decltype(t)>; });
    } else if (name == "cvt") {
        m.source_bytes[0] = static_cast<std::int8_t>(element_bytes(type));
        const auto to = parts[parts.size() - 2];
        const bool between_floats = to[0] == 'f' && type[0] == 'f', whole = has("rzi") || has("rni");
        m.run = between_floats && whole ? nullptr : conversion(to, type, has("rzi"));
    } else if (name == "mov")
        m.run = type == "pred" ? &predicates_one<Copy> : by_type(type, [](auto t) -> Run { return &move<decltype(t)>; });
    else if (name == "cvta")
        m.run = &move<std::uint64_t>;  // every space is one here
    else if (name == "ld")
        m.run = by_memory_type(type, [](auto t) -> Run { return &load<decltype(t)>; });
    else if (name == "st")
        m.run = by_memory_type(type, [](auto t) -> Run { return &store<decltype(t)>; });
    else if (name == "atom")
        m.run = by_integer(type, [&](auto t) -> Run {
            using T = decltype(t);
            return has("add") ? &atomic<T, Add> : has("min") ? &atomic<T, Min> : has("max") ? &atomic<T, Max> : nullptr;
        });
    else if (name == "shfl" && has("sync")) {
        m.flow = Flow::exchange;
        m.run = has("idx") ? &shuffle : nullptr;
    } else if (name == "vote" && has("sync")) {
        m.flow = Flow::exchange;
        m.source_bytes[0] = 0;
        m.source_bytes[1] = 4;
        m.run = has("ballot") ? &ballot : nullptr;
    } else if (name == "bar" && has("warp")) {
        m.flow = Flow::wait;
        m.source_bytes[0] = 4;
        m.run = &nothing;
    } else if (name == "membar" || name == "fence")
        m.run = &nothing;  // stores are there at once
    else if (name == "bra") {
        m.flow = Flow::branch;
        m.run = &nothing;
    } else if (name == "call") {
        m.flow = Flow::call;
        m.run = &nothing;
    } else if (name == "ret" || name == "exit") {
        m.flow = Flow::leave;
        m.run = &nothing;
    }
    return m.run != nullptr;
}

}  // namespace arcuate::software_gpu
