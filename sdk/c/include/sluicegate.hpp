// Write Sluicegate filters in C++ (C++23, without exceptions): a header over sluicegate.h.
//
// A filter is a class with `configure` and `filter`; SLUICEGATE_FILTER(Class) makes it the plugin.
// Text of an event is a view into memory that is gone when the next event comes: what is to be kept
// is copied into a std::string. What is given to a decision is copied.
#pragma once

#include <cstring>
#include <expected>
#include <initializer_list>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluicegate.h"
#include "sluicegate_json.h"

namespace sluicegate {

namespace detail {
inline sg_string borrowed(std::string_view text) {
    return {const_cast<uint8_t *>(reinterpret_cast<const uint8_t *>(text.data())), text.size()};
}
inline sg_string copied(std::string_view text) {
    sg_string part = borrowed(text);
    return sg_join(&part, 1);
}
inline std::string_view view(sg_string text) {
    return {reinterpret_cast<const char *>(text.ptr), text.len};
}
template <typename List> sg_strings strings(const List &texts) {
    sg_strings all{};
    for (const auto &text : texts) sg_strings_add(&all, copied(text));
    return all;
}
}  // namespace detail

// A new event in place of the one that was asked about; what is not set is inherited.
class Output {
  public:
    Output &to(std::string_view queue) {
        sg_strings_add(&raw_.queues, detail::copied(queue));
        return *this;
    }
    Output &type(std::string_view type) {
        sg_set_type(&raw_, detail::copied(type));
        return *this;
    }
    Output &content_type(std::string_view type) {
        sg_set_content_type(&raw_, detail::copied(type));
        return *this;
    }
    Output &attribute(std::string_view name, std::string_view value) {
        sg_fields_add(&raw_.set_attributes, detail::copied(name), detail::copied(value));
        return *this;
    }
    Output &header(std::string_view name, std::string_view value) {
        sg_fields_add(&raw_.set_headers, detail::copied(name), detail::copied(value));
        return *this;
    }
    Output &without(std::string_view name) {
        sg_strings_add(&raw_.remove, detail::copied(name));
        return *this;
    }
    Output &text(std::string_view text) {
        sg_set_text(&raw_, detail::copied(text));
        return *this;
    }
    Output &bytes(std::span<const uint8_t> bytes) {
        sg_string copy = detail::copied({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
        sg_set_bytes(&raw_, copy.ptr, copy.len);
        return *this;
    }
    const sg_output &raw() const { return raw_; }

  private:
    sg_output raw_{};
};

// What becomes of an event, and why a filter cannot say; made by the functions below.
struct Decision {
    sg_answer raw;
};
struct Failure {
    sg_answer raw;
    Failure(std::string_view why) : raw(sg_failed(detail::copied(why))) {}
    explicit Failure(sg_answer answer) : raw(answer) {}
};
using Answer = std::expected<Decision, Failure>;

enum class RejectCode {
    invalid = SG_INVALID,
    unauthenticated = SG_UNAUTHENTICATED,
    forbidden = SG_FORBIDDEN,
    too_large = SG_TOO_LARGE,
    rate_limited = SG_RATE_LIMITED,
    unavailable = SG_UNAVAILABLE,
};

inline Decision next() { return {sg_next()}; }
inline Decision drop(std::string_view reason) { return {sg_drop(detail::copied(reason))}; }
template <typename List> Decision route(const List &queues) {
    return {sg_route(detail::strings(queues))};
}
inline Decision route(std::initializer_list<std::string_view> queues) {
    return {sg_route(detail::strings(queues))};
}
inline Decision emit(std::span<const Output> outputs) {
    static_assert(sizeof(Output) == sizeof(sg_output));
    return {sg_emit(outputs.empty() ? nullptr : &outputs.data()->raw(), outputs.size())};
}
inline Decision emit(const Output &output) { return {sg_emit(&output.raw(), 1)}; }
inline Decision reject(RejectCode code, std::string_view reason) {
    return {sg_reject(static_cast<sg_reject_code>(code), detail::copied(reason))};
}
inline Decision dead_letter(std::string_view reason) {
    return {sg_dead_letter(detail::copied(reason))};
}

// `return failed("...")`: the plugin's failure policy applies. `return retry_after(ms)`: the event
// is tried again later.
inline std::unexpected<Failure> failed(std::string_view why) { return std::unexpected<Failure>(why); }
inline std::unexpected<Failure> retry_after(uint32_t ms) {
    return std::unexpected(Failure(sg_retry_after(ms)));
}

// What a filter is asked about. Only what the subscription asked for is there.
class Event {
  public:
    explicit Event(const sg_event &raw) : raw_(raw) {}
    std::string_view id() const { return detail::view(raw_.id); }
    std::string_view source() const { return detail::view(raw_.source); }
    std::string_view type() const { return detail::view(raw_.type); }
    uint64_t time_ns() const { return raw_.time; }
    std::string_view content_type() const { return detail::view(raw_.content_type); }
    // The first value; the name in any case.
    std::optional<std::string_view> header(std::string_view name) const {
        return first(raw_.headers, name);
    }
    std::optional<std::string_view> attribute(std::string_view name) const {
        return first(raw_.attributes, name);
    }
    std::vector<std::string_view> header_values(std::string_view name) const {
        std::vector<std::string_view> values;
        sg_string value;
        for (size_t at = 0; sg_fields_next(&raw_.headers, detail::borrowed(name), &at, &value);) {
            values.push_back(detail::view(value));
        }
        return values;
    }
    std::span<const sg_field> headers() const { return {raw_.headers.ptr, raw_.headers.len}; }
    // Nothing if the payload is not UTF-8, or was asked for as bytes or not at all.
    std::optional<std::string_view> text() const {
        sg_string text;
        return sg_text(&raw_, &text) ? std::optional(detail::view(text)) : std::nullopt;
    }
    std::span<const uint8_t> bytes() const {
        sg_bytes bytes = sg_payload(&raw_);
        return {bytes.ptr, bytes.len};
    }

  private:
    static std::optional<std::string_view> first(const sg_fields &fields, std::string_view name) {
        size_t at = 0;
        sg_string value;
        bool found = sg_fields_next(&fields, detail::borrowed(name), &at, &value);
        return found ? std::optional(detail::view(value)) : std::nullopt;
    }
    const sg_event &raw_;
};

enum class Data { none = SG_DATA_NONE, automatic = SG_DATA_AUTO, binary = SG_DATA_BINARY };

// What a filter wants to see: no types is all of them.
struct Subscription {
    std::vector<std::string> types = {}, attributes = {}, headers = {};
    Data data = Data::automatic;
};

// Why a configuration is refused: `return refused("config: ...")`.
using Configured = std::expected<Subscription, std::string>;
inline std::unexpected<std::string> refused(std::string why) {
    return std::unexpected(std::move(why));
}

inline void log(sg_level level, std::string_view message) {
    sg_log(level, detail::borrowed(message));
}

namespace json {
// A member of an object: its name, and the text of its value.
struct Member {
    std::string name;
    std::string_view value;
};
inline std::expected<std::vector<Member>, std::string> members(std::string_view object) {
    std::vector<Member> all;
    sg_json_walk walk = sg_json_begin(detail::borrowed(object));
    while (sg_json_next_member(&walk)) {
        all.push_back({std::string(detail::view(walk.name)), detail::view(walk.value)});
    }
    if (walk.error.what == nullptr) return all;
    return std::unexpected(std::string(detail::view(sg_json_error_text(walk.error))));
}
// The text of a string, or of every string of an array; nothing if the value is anything else.
inline std::optional<std::string> text(std::string_view value) {
    sg_string text;
    if (!sg_json_string(detail::borrowed(value), &text)) return std::nullopt;
    return std::string(detail::view(text));
}
inline std::optional<std::vector<std::string>> texts(std::string_view value) {
    sg_strings all{};
    if (!sg_json_strings(detail::borrowed(value), &all)) return std::nullopt;
    std::vector<std::string> copies;
    for (size_t i = 0; i < all.len; i++) copies.emplace_back(detail::view(all.ptr[i]));
    return copies;
}
// The values at paths such as "alert/rule/severity", found in one pass; empty where there is none.
template <size_t N>
std::vector<std::string_view> find(std::string_view text, const char *const (&paths)[N]) {
    sg_string found[N];
    sg_json_find(detail::borrowed(text), paths, N, found);
    std::vector<std::string_view> values;
    for (sg_string value : found) {
        values.push_back(value.ptr == nullptr ? std::string_view() : detail::view(value));
    }
    return values;
}

// What to replace. Pointers are set with `set_pointers`.
struct Rules {
    std::vector<std::vector<std::string>> pointers = {};  // as steps; the step `*` is any
    std::vector<std::string> keys = {};  // members of these names wherever they are, in any case
    std::string with = {};               // what stands in place of a value: JSON

    bool masks() const { return !pointers.empty() || !keys.empty(); }
    // False if one of them is no JSON Pointer (RFC 6901).
    bool set_pointers(const std::vector<std::string> &texts) {
        pointers.clear();
        for (const std::string &text : texts) {
            sg_strings steps;
            if (!sg_json_pointer(detail::borrowed(text), &steps)) return false;
            std::vector<std::string> &copies = pointers.emplace_back();
            for (size_t i = 0; i < steps.len; i++) copies.emplace_back(detail::view(steps.ptr[i]));
        }
        return true;
    }
};

// The text with every matching value replaced and every other byte as it was; nothing if there is
// none; an error if the text is not JSON.
inline std::expected<std::optional<std::string_view>, std::string> replace(std::string_view text,
                                                                           const Rules &rules) {
    std::vector<sg_strings> pointers;
    for (const auto &steps : rules.pointers) pointers.push_back(detail::strings(steps));
    sg_json_rules raw{pointers.data(), pointers.size(), detail::strings(rules.keys),
                      detail::borrowed(rules.with)};
    sg_string out;
    sg_json_error error;
    if (!sg_json_replace(detail::borrowed(text), &raw, &out, &error)) {
        return std::unexpected(std::string(detail::view(sg_json_error_text(error))));
    }
    if (out.ptr == nullptr) return std::nullopt;
    return detail::view(out);
}
}  // namespace json

namespace detail {
template <typename Filter> struct Plugin {
    // Never destroyed: an instance ends with its memory.
    static inline Filter *filter = nullptr;
    alignas(Filter) static inline unsigned char place[sizeof(Filter)];

    static bool configure(sg_string config, sg_subscription *wanted, sg_string *why) {
        if (filter != nullptr) filter->~Filter();
        filter = new (place) Filter();
        Configured said = filter->configure(view(config));
        if (!said) {
            *why = copied(said.error());
            return false;
        }
        wanted->types = strings(said->types);
        wanted->attributes = strings(said->attributes);
        wanted->headers = strings(said->headers);
        wanted->data = static_cast<uint8_t>(said->data);
        return true;
    }

    static sg_answer decide(const sg_event *event) {
        Answer answer = filter->filter(Event(*event));
        return answer ? answer->raw : answer.error().raw;
    }
};
}  // namespace detail

}  // namespace sluicegate

// Makes a class the plugin. Say it once.
#define SLUICEGATE_FILTER(Class)                                                                   \
    extern "C" bool sg_configure(sg_string config, sg_subscription *wanted, sg_string *why) {      \
        return sluicegate::detail::Plugin<Class>::configure(config, wanted, why);                  \
    }                                                                                              \
    extern "C" sg_answer sg_filter(const sg_event *event) {                                        \
        return sluicegate::detail::Plugin<Class>::decide(event);                                   \
    }
