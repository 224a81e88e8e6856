#include "ptx.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace arcuate::software_gpu {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    int depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        depth += (text[i] == '{' || text[i] == '[' || text[i] == '(') - (text[i] == '}' || text[i] == ']' || text[i] == ')');
        if (text[i] == by && depth == 0) {
            parts.push_back(trimmed(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    if (const auto last = trimmed(text.substr(begin)); !last.empty()) parts.push_back(last);
    return parts;
}

std::int64_t number(std::string_view text) {
    if (text.ends_with('U')) text.remove_suffix(1);
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    std::int64_t value = 0;
    std::uint64_t large = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10).ec == std::errc{}) return value;
    if (std::from_chars(text.data(), text.data() + text.size(), large, hex ? 16 : 10).ec == std::errc{}) return static_cast<std::int64_t>(large);
    throw std::runtime_error("'" + std::string(text) + "' is no number");
}

/// "u32" -> 4; "pred" counts as the word that holds a bit for each lane.
int bytes_of(std::string_view type) {
    if (type == "pred") return 0;
    return static_cast<int>(number(type.substr(1)) / 8);
}

/// One function's text on its way to instructions.
class Reader {
  public:
    Reader(Function& function, Module& module) : f_(function), module_(module) {}

    void head(std::string_view text) {
        // .func (results) name (parameters), .entry name (parameters)
        const auto name = text.find(f_.name);
        const auto results = text.find('(');
        if (results < name)
            for (const auto p : split(text.substr(results + 1, text.find(')', results) - results - 1), ',')) f_.results.push_back(declare(p, false));
        const auto open = text.find('(', name);
        if (open == std::string_view::npos) return;
        for (const auto p : split(text.substr(open + 1, text.find(')', open) - open - 1), ',')) f_.parameters.push_back(declare(p, f_.kernel));
    }

    void body(std::string_view text, std::int32_t line) {
        std::size_t at = 0;
        const auto skip_blanks = [&] {
            while (at < text.size()) {
                if (text.compare(at, 2, "//") == 0)
                    at = std::min(text.find('\n', at), text.size());
                else if (blanks.find(text[at]) == std::string_view::npos)
                    return;
                else
                    line += text[at++] == '\n';
            }
        };
        for (skip_blanks(); at < text.size(); skip_blanks()) {
            if (text[at] == '{' || text[at] == '}') {  // a scope: a name that is declared again means the later one
                ++at;
                continue;
            }
            const auto end = text.find_first_of(":;", at);
            if (end == std::string_view::npos) throw std::runtime_error("an instruction without an end");
            const auto statement = text.substr(at, end - at);
            if (text[end] == ':')
                labels_[std::string(trimmed(statement))] = static_cast<std::int64_t>(f_.code.size());
            else
                read(trimmed(statement), line);
            line += static_cast<std::int32_t>(std::count(statement.begin(), statement.end(), '\n'));
            at = end + 1;
        }
        Instruction leave;
        Meaning meaning;
        meaning_of({"ret"}, meaning);
        leave.run = meaning.run;
        leave.flow = meaning.flow;
        f_.code.push_back(leave);
        for (const auto& [instruction, label] : branches_) {
            if (!labels_.contains(label)) throw std::runtime_error("no label " + label);
            f_.code[instruction].offset = labels_[label];
        }
    }

  private:
    struct Register {
        std::int32_t at = 0;
        std::int8_t bytes = 0;
    };

    /// ".param .align 8 .b8 name[72]", ".param .b64 name", ".local .align 16 .b8 name[24]"
    Variable declare(std::string_view text, bool kernel_parameter) {
        std::int64_t align = 0, element = 0, elements = 1;
        std::string name;
        const auto words = split(text, ' ');
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] == ".align") {
                align = number(words[++i]);
            } else if (words[i].starts_with('.')) {
                if (words[i] != ".param" && words[i] != ".local" && words[i] != ".ptr") element = bytes_of(words[i].substr(1));
            } else if (!words[i].empty()) {
                name = words[i];
                if (const auto open = name.find('['); open != std::string::npos) {
                    elements = number(std::string_view(name).substr(open + 1, name.find(']') - open - 1));
                    name.resize(open);
                }
            }
        }
        auto& end = kernel_parameter ? f_.parameter_bytes : f_.local_bytes;
        align = std::max(align, element);
        Variable v{(end + align - 1) / align * align, element * elements};
        end = v.at + v.bytes;
        variables_[name] = v;
        in_parameters_[name] = kernel_parameter;
        return v;
    }

    void declare_registers(std::string_view text) {
        const auto words = split(text, ' ');
        const auto type = words.at(1).substr(1);
        const int bytes = bytes_of(type), slot = bytes ? bytes * warp_lanes : 4;
        for (auto name : split(text.substr(text.find(type) + type.size()), ',')) {
            std::int64_t count = 0;
            if (const auto open = name.find('<'); open != std::string_view::npos) {
                count = number(name.substr(open + 1, name.find('>') - open - 1));
                name = name.substr(0, open);
            }
            auto& end = f_.register_bytes;
            end = (end + 63) / 64 * 64;
            for (std::int64_t i = 0; i < std::max<std::int64_t>(count, 1); ++i, end += slot)
                registers_[count ? std::string(name) + std::to_string(i) : std::string(name)] = {static_cast<std::int32_t>(end), static_cast<std::int8_t>(bytes)};
        }
    }

    const Register* find(std::string_view name) const {
        const auto found = registers_.find(std::string(name));
        return found == registers_.end() ? nullptr : &found->second;
    }

    const Register& reg(std::string_view name) const {
        if (const auto* r = find(name)) return *r;
        throw std::runtime_error("no register " + std::string(name));
    }

    /// Every lane's copy of a value of `bytes`; of predicates (0 bytes) a bit each.
    std::int32_t constant(std::uint64_t bits, int bytes) {
        if (bytes == 0) bits = bits ? 0xffffffffu : 0;
        const auto [at, is_new] = constants_.try_emplace({bits, bytes}, static_cast<std::int32_t>(f_.constants.size()));
        if (is_new)
            for (int lane = 0; lane < (bytes ? warp_lanes : 1); ++lane) {
                const auto* from = reinterpret_cast<const std::byte*>(&bits);
                f_.constants.insert(f_.constants.end(), from, from + (bytes ? bytes : 4));
            }
        return ~at->second;
    }

    std::int32_t source(std::string_view text, int bytes) {
        if (const auto* r = find(text)) return r->at;
        if (text.starts_with("0f") || text.starts_with("0d")) {
            std::uint64_t bits = 0;
            std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
            return constant(bits, bytes);
        }
        return constant(static_cast<std::uint64_t>(number(text)), bytes);
    }

    /// "[%rd1+8]", "[param0+4]", or, of mov, "name".
    void address(Instruction& i, std::string_view text) {
        if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
        const auto plus = text.find('+');
        const auto name = trimmed(text.substr(0, plus));
        if (plus != std::string_view::npos) i.offset = number(trimmed(text.substr(plus + 1)));
        if (const auto* r = find(name)) {
            i.base = Base::reg;
            i.a = r->at;
        } else if (const auto v = variables_.find(std::string(name)); v != variables_.end()) {
            i.base = in_parameters_[v->first] ? Base::parameters : Base::local;
            i.offset += v->second.at;
        } else {
            throw std::runtime_error("no variable " + std::string(name));
        }
    }

    void vector(Instruction& i, std::string_view text, int bytes) {
        const auto names = text.starts_with('{') ? split(text.substr(1, text.size() - 2), ',') : std::vector{text};
        i.count = static_cast<std::int8_t>(names.size());
        i.width[0] = static_cast<std::int8_t>(bytes);
        for (const auto name : names)
            if (const auto* r = find(name)) i.width[0] = r->bytes;
        for (std::size_t k = 0; k < names.size(); ++k) i.data[k] = source(names[k], i.width[0]);
    }

    void read_call(Instruction& i, std::string_view text) {
        Call call;
        for (const auto part : split(text, ',')) {
            if (!part.starts_with('(')) {
                call.function = &module_.function(std::string(part));
                continue;
            }
            for (const auto name : split(part.substr(1, part.size() - 2), ',')) (call.function ? call.arguments : call.results).push_back(variables_.at(std::string(name)));
        }
        i.call = static_cast<std::int32_t>(f_.calls.size());
        call.back = static_cast<std::int64_t>(f_.code.size()) + 1;
        f_.calls.push_back(std::move(call));
    }

    void read(std::string_view text, std::int32_t line) {
        if (text.starts_with(".reg")) return declare_registers(text);
        if (text.starts_with(".param") || text.starts_with(".local")) return void(declare(text, false));
        if (text.starts_with('.')) return;  // .pragma, .loc
        Instruction i;
        i.line = line;
        const auto word = [&] {
            const auto end = std::min(text.find_first_of(blanks), text.size());
            const auto first = text.substr(0, end);
            text = trimmed(text.substr(end));
            return first;
        };
        auto opcode = word();
        if (opcode.starts_with('@')) {
            i.guarded = true;
            i.negated = opcode[1] == '!';
            i.guard = reg(opcode.substr(i.negated ? 2 : 1)).at;
            opcode = word();
        }
        const auto parts = split(opcode, '.');
        Meaning meaning;
        if (!meaning_of(parts, meaning)) throw std::runtime_error("instruction " + std::string(opcode) + " is not known");
        i.run = meaning.run;
        i.flow = meaning.flow;
        if (parts[0] == "call") {
            read_call(i, text);
        } else if (parts[0] == "bra") {
            branches_.emplace_back(f_.code.size(), std::string(text));
        } else {
            operands(i, parts, split(text, ','), meaning);
        }
        f_.code.push_back(i);
    }

    void operands(Instruction& i, const std::vector<std::string_view>& parts, const std::vector<std::string_view>& o, const Meaning& meaning) {
        if (o.empty()) return;
        const int bytes = parts[0] == "bar" ? 4 : bytes_of(parts.back());
        if (parts[0] == "ld") {
            vector(i, o.at(0), bytes);
            address(i, o.at(1));
        } else if (parts[0] == "st") {
            address(i, o.at(0));
            vector(i, o.at(1), bytes);
        } else if (parts[0] == "atom") {
            i.d = reg(o.at(0)).at;
            address(i, o.at(1));
            i.b = source(o.at(2), bytes);
        } else if (parts[0] == "mov" && (o.at(0).starts_with('{') || o.at(1).starts_with('{'))) {
            const bool unpack = o.at(0).starts_with('{');
            const auto names = o.at(unpack ? 0 : 1);
            vector(i, names, bytes / static_cast<int>(split(names.substr(1, names.size() - 2), ',').size()));
            i.width[1] = static_cast<std::int8_t>(bytes);
            i.d = unpack ? -1 : reg(o.at(0)).at;
            i.a = unpack ? source(o.at(1), bytes) : -1;
        } else if (parts[0] == "mov" && o.at(1).starts_with('%') && !find(o.at(1))) {
            static constexpr std::string_view specials[] = {"%tid.x", "%ctaid.x", "%ntid.x", "%nctaid.x", "%laneid"};
            const auto special = std::find(std::begin(specials), std::end(specials), o[1]);
            if (special == std::end(specials)) throw std::runtime_error("register " + std::string(o[1]) + " is not known");
            i.d = reg(o.at(0)).at;
            i.count = 0;
            i.offset = special - std::begin(specials);
        } else if (parts[0] == "mov" && variables_.contains(std::string(o.at(1)))) {
            i.d = reg(o.at(0)).at;
            address(i, o.at(1));
        } else {
            std::int32_t* const places[] = {&i.a, &i.b, &i.c, &i.e};
            std::size_t first = 0;
            if (meaning.run && parts[0] != "bar") {
                const auto bar = o.at(0).find('|');  // shfl: the value, and whether it came from a lane in range
                const auto& d = reg(trimmed(o[0].substr(0, bar)));
                i.d = d.at;
                i.width[1] = d.bytes;
                i.d2 = bar == std::string_view::npos ? -1 : reg(trimmed(o[0].substr(bar + 1))).at;
                first = 1;
            }
            for (std::size_t k = first; k < o.size(); ++k) {
                const int of_source = k - first < 3 ? meaning.source_bytes[k - first] : 4;
                i.mask = *places[k - first] = source(o[k], of_source);
                if (k == first) i.width[0] = static_cast<std::int8_t>(find(o[k]) ? find(o[k])->bytes : of_source);
            }
        }
    }

    Function& f_;
    Module& module_;
    std::map<std::string, Register> registers_;
    std::map<std::string, Variable> variables_;
    std::map<std::string, bool> in_parameters_;
    std::map<std::pair<std::uint64_t, int>, std::int32_t> constants_;
    std::map<std::string, std::int64_t> labels_;
    std::vector<std::pair<std::size_t, std::string>> branches_;
};

}  // namespace

Module::Module(std::string text) : text_(std::move(text)) {
    const std::string_view all = text_;
    std::int32_t line = 1;
    for (std::size_t at = 0; at < all.size();) {
        const auto end = std::min(all.find('\n', at), all.size());
        const auto start = all.substr(at, end - at);
        const bool kernel = start.find(".entry ") != std::string_view::npos;
        if (start.starts_with("//") || (!kernel && !start.starts_with(".func") && !start.starts_with(".visible .func") && !start.starts_with(".weak .func"))) {
            ++line;
            at = end + 1;
            continue;
        }
        const auto open = all.find_first_of("{;", at);
        const auto head = all.substr(at, open - at);
        const auto body_line = line + static_cast<std::int32_t>(std::count(head.begin(), head.end(), '\n'));
        auto close = open;
        for (int depth = all[open] == '{'; depth > 0;) {
            close = all.find_first_of("{}", close + 1);
            if (close == std::string_view::npos) throw std::runtime_error("a function without an end");
            depth += all[close] == '{' ? 1 : -1;
        }
        const auto body = all[open] == '{' ? all.substr(open + 1, close - open - 1) : std::string_view{};
        // the name: before the parameters, after the result
        auto before = head.substr(head.find(kernel ? ".entry" : ".func") + (kernel ? 6 : 5));
        if (trimmed(before).starts_with('(')) before = before.substr(before.find(')') + 1);
        const auto name = std::string(trimmed(before.substr(0, before.find('('))));
        if (!body.empty()) sources_[name] = {head, body, kernel, body_line};
        const auto whole = all.substr(at, close - at);
        line += static_cast<std::int32_t>(std::count(whole.begin(), whole.end(), '\n'));
        at = close + 1;
    }
}

Module::~Module() = default;

const Function& Module::function(const std::string& name) {
    if (const auto known = functions_.find(name); known != functions_.end()) return *known->second;
    const auto source = sources_.find(name);
    if (source == sources_.end()) throw std::runtime_error("the module has no function " + name);
    auto function = std::make_unique<Function>();
    function->name = name;
    function->kernel = source->second.kernel;
    Reader reader(*function, *this);
    reader.head(source->second.head);
    reader.body(source->second.body, source->second.line);
    return *(functions_[name] = std::move(function));
}

}  // namespace arcuate::software_gpu
