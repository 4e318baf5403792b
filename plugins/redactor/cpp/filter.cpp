// Masks values in JSON payloads and removes headers, before an event is stored anywhere.
//
// Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is not
// let through: the filter fails, and its failure policy applies.
#include <sluicegate.hpp>

namespace sg = sluicegate;

class Redactor {
  public:
    sg::Configured configure(std::string_view config) {
        auto members = sg::json::members(config);
        if (!members) return sg::refused("config: " + members.error());
        for (const auto &[name, value] : *members) {
            if (!read(name, value)) {
                return sg::refused("config: " + name + " is unknown or has a wrong value");
            }
        }
        if (!rules_.masks() && headers_.empty()) {
            return sg::refused("config: one of pointers, keys and headers is needed");
        }
        sg::Data data = rules_.masks() ? sg::Data::automatic : sg::Data::none;
        return sg::Subscription{.types = types_, .headers = headers_, .data = data};
    }

    sg::Answer filter(const sg::Event &event) {
        std::optional<std::string_view> masked;
        if (rules_.masks() && !event.bytes().empty()) {
            auto text = event.text();
            if (!text) return sg::failed("the payload is not text, so nothing can be masked");
            auto replaced = sg::json::replace(*text, rules_);
            if (!replaced) return sg::failed(replaced.error());
            masked = *replaced;
        }
        // The subscription asked for the headers to remove and no others.
        if (!masked && event.headers().empty()) return sg::next();
        sg::Output output;
        for (const sg_field &header : event.headers()) {
            output.without({reinterpret_cast<const char *>(header.f0.ptr), header.f0.len});
        }
        if (masked) output.text(*masked);
        return sg::emit(output);
    }

  private:
    bool read(const std::string &name, std::string_view value) {
        if (name == "mask") {
            rules_.with = value;
            return sg::json::text(value).has_value();
        }
        auto texts = sg::json::texts(value);
        if (!texts) return false;
        if (name == "pointers") return rules_.set_pointers(*texts);
        if (name == "types") types_ = *texts;
        else if (name == "headers") headers_ = lower(*texts);
        else if (name == "keys") rules_.keys = *texts;
        else return false;
        return true;
    }

    static std::vector<std::string> lower(std::vector<std::string> texts) {
        for (std::string &text : texts) {
            for (char &c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        return texts;
    }

    std::vector<std::string> types_, headers_;  // no types: all
    sg::json::Rules rules_{.with = "\"***\""};
};

SLUICEGATE_FILTER(Redactor)
