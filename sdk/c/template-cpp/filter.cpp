// Drops the events that are marked as spam.
#include <sluicegate.hpp>
namespace sg = sluicegate;

struct DropSpam {
    sg::Configured configure(std::string_view) {
        return sg::Subscription{.types = {"push"}, .headers = {"x-spam"}};
    }
    sg::Answer filter(const sg::Event &event) {
        return event.header("x-spam") ? sg::drop("marked as spam") : sg::next();
    }
};
SLUICEGATE_FILTER(DropSpam)
