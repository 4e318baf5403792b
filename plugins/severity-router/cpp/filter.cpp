// Sends GitHub security alerts at or above a severity to queues of their own.
//
// It reads the severity from the payload of `code_scanning_alert` and `dependabot_alert`; events of
// other types never reach it.
#include <sluicegate.hpp>

namespace sg = sluicegate;

// How bad an alert is, in the words that GitHub uses for security alerts. unknown: it does not say,
// or says something that is no severity.
enum class Severity { unknown, low, medium, high, critical };

// Code scanning rules that are not about security say `note`, `warning` and `error` instead.
static Severity named(std::string_view name) {
    if (name == "low" || name == "note") return Severity::low;
    if (name == "medium" || name == "moderate" || name == "warning") return Severity::medium;
    if (name == "high" || name == "error") return Severity::high;
    return name == "critical" ? Severity::critical : Severity::unknown;
}

// The severity that the payload of an alert says, at the first of the known places.
static Severity of_alert(std::string_view payload) {
    static const char *const places[] = {
        "alert/rule/security_severity_level",  // code scanning first, then Dependabot
        "alert/rule/severity",
        "alert/security_advisory/severity",
        "alert/security_vulnerability/severity",
    };
    for (std::string_view place : sg::json::find(payload, places)) {
        Severity said = named(sg::json::text(place).value_or(""));
        if (said != Severity::unknown) return said;
    }
    return Severity::unknown;
}

class SeverityRouter {
  public:
    sg::Configured configure(std::string_view config) {
        auto members = sg::json::members(config);
        if (!members) return sg::refused("config: " + members.error());
        for (const auto &[name, value] : *members) {
            if (!read(name, value)) {
                return sg::refused("config: " + name + " is unknown or has a wrong value");
            }
        }
        if (threshold_ == Severity::unknown) {
            return sg::refused("config: threshold is missing (low, medium, high, critical)");
        }
        if (queues_.empty()) return sg::refused("config: queues is missing or empty");
        return sg::Subscription{.types = {"code_scanning_alert*", "dependabot_alert*"}};
    }

    sg::Answer filter(const sg::Event &event) {
        auto payload = event.text();
        if (!payload) return sg::failed("the payload is not text");
        if (of_alert(*payload) >= threshold_) return sg::route(queues_);
        return drop_others_ ? sg::drop("below the severity threshold") : sg::next();
    }

  private:
    bool read(const std::string &name, std::string_view value) {
        if (name == "queues") {
            auto texts = sg::json::texts(value);
            if (texts) queues_.insert(queues_.end(), texts->begin(), texts->end());
            return texts.has_value();
        }
        auto text = sg::json::text(value).value_or("");
        if (name == "threshold") {
            threshold_ = named(text);
            return threshold_ != Severity::unknown;
        }
        drop_others_ = drop_others_ || text == "drop";
        return name == "else" && (text == "next" || text == "drop");
    }

    Severity threshold_ = Severity::unknown;
    std::vector<std::string> queues_;
    bool drop_others_ = false;
};

SLUICEGATE_FILTER(SeverityRouter)
