// Drops the events that carry a header, or a header with one of some values. It never asks for the
// payload.
#include <sluicegate.hpp>

#include <algorithm>

namespace sg = sluicegate;

class DropByHeader {
  public:
    sg::Configured configure(std::string_view config) {
        auto members = sg::json::members(config);
        if (!members) return sg::refused("config: " + members.error());
        for (const auto &[name, value] : *members) {
            if (!read(name, value)) {
                return sg::refused("config: " + name + " is unknown or has a wrong value");
            }
        }
        if (header_.empty()) return sg::refused("config: header is missing");
        if (reason_.empty()) reason_ = "marked by " + header_;
        return sg::Subscription{.headers = {header_}, .data = sg::Data::none};
    }

    sg::Answer filter(const sg::Event &event) {
        auto wanted = [this](std::string_view value) {
            return values_.empty() || std::ranges::find(values_, value) != values_.end();
        };
        if (std::ranges::any_of(event.header_values(header_), wanted)) return sg::drop(reason_);
        return sg::next();
    }

  private:
    bool read(const std::string &name, std::string_view value) {
        if (name == "values") {
            auto texts = sg::json::texts(value);
            values_ = texts.value_or(std::vector<std::string>());
            return texts.has_value();
        }
        auto text = sg::json::text(value);
        if (!text || (name != "header" && name != "reason")) return false;
        if (name == "reason") {
            reason_ = *text;
            return true;
        }
        header_ = *text;
        for (char &c : header_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        return !header_.empty();
    }

    std::string header_, reason_;
    std::vector<std::string> values_;  // empty: any
};

SLUICEGATE_FILTER(DropByHeader)
