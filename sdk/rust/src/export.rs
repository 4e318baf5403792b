//! How a plugin becomes one: the trait that it implements and the macros that export it.

use crate::{Decision, Event, Failure, Subscription};

/// A filter. One value of it lives in each instance, and is asked about one event at a time.
pub trait Filter: Sized + 'static {
    /// Reads the configuration (JSON, `{}` if there is none) and says what the filter wants to
    /// see. Called once, before anything else. An error refuses the configuration.
    fn configure(config: &str) -> Result<(Self, Subscription), String>;

    /// Decides about an event. An error applies the plugin's failure policy, or asks for another
    /// try later.
    fn filter(&mut self, event: &Event) -> Result<Decision, Failure>;
}

/// A filter that is asked about several events in one call, those that wait together for it: for
/// where a call costs more than an event. No event waits for others to come.
pub trait BatchFilter: Sized + 'static {
    /// As [`Filter::configure`].
    fn configure(config: &str) -> Result<(Self, Subscription), String>;

    /// Decides about events, at most 64: one answer for each, in the same order. If it traps, or
    /// the answers are not as many, each of the events is asked about alone.
    fn filter_batch(&mut self, events: &[Event]) -> Vec<Result<Decision, Failure>>;
}

/// Reads a configuration into a type of the plugin's own.
#[cfg(feature = "serde")]
pub fn config<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Exports a type that implements [`Filter`](crate::Filter) as the plugin. Say it once.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[doc(hidden)]
        struct SluicegatePlugin;

        const _: () = {
            use ::core::cell::RefCell;
            use $crate::bindings::exports::sluicegate::plugin::filter::Guest;

            ::std::thread_local! {
                static FILTER: RefCell<Option<$filter>> = const { RefCell::new(None) };
            }

            impl Guest for SluicegatePlugin {
                fn configure(
                    config: ::std::string::String,
                ) -> Result<$crate::Subscription, ::std::string::String> {
                    let (filter, subscription) =
                        <$filter as $crate::Filter>::configure(&config)?;
                    FILTER.with(|place| *place.borrow_mut() = Some(filter));
                    Ok(subscription)
                }

                fn filter(event: $crate::Event) -> Result<$crate::Decision, $crate::Failure> {
                    FILTER.with(|place| match place.borrow_mut().as_mut() {
                        Some(filter) => $crate::Filter::filter(filter, &event),
                        None => Err($crate::Failure::Failed("not configured".into())),
                    })
                }
            }
        };

        $crate::bindings::export_bindings!(SluicegatePlugin with_types_in $crate::bindings);
    };
}

/// Exports a type that implements [`BatchFilter`](crate::BatchFilter) as the plugin. Say it once,
/// and not beside [`export!`].
#[macro_export]
macro_rules! export_batch {
    ($filter:ty) => {
        #[doc(hidden)]
        struct SluicegatePlugin;

        const _: () = {
            use ::core::cell::RefCell;
            use ::std::vec::Vec;
            use $crate::bindings::batch::exports::sluicegate::plugin::batch_filter::Guest;

            ::std::thread_local! {
                static FILTER: RefCell<Option<$filter>> = const { RefCell::new(None) };
            }

            impl Guest for SluicegatePlugin {
                fn configure(
                    config: ::std::string::String,
                ) -> Result<$crate::Subscription, ::std::string::String> {
                    let (filter, subscription) =
                        <$filter as $crate::BatchFilter>::configure(&config)?;
                    FILTER.with(|place| *place.borrow_mut() = Some(filter));
                    Ok(subscription)
                }

                fn filter_batch(
                    events: Vec<$crate::Event>,
                ) -> Vec<Result<$crate::Decision, $crate::Failure>> {
                    FILTER.with(|place| match place.borrow_mut().as_mut() {
                        Some(filter) => $crate::BatchFilter::filter_batch(filter, &events),
                        None => Vec::new(),
                    })
                }
            }
        };

        $crate::bindings::batch::export_batch_bindings!(
            SluicegatePlugin with_types_in $crate::bindings::batch
        );
    };
}

/// Makes a plugin of a subscription and a function: for filters without configuration and state.
#[macro_export]
macro_rules! filter {
    ($subscription:expr, $decide:expr) => {
        struct SluicegateFilter;

        impl $crate::Filter for SluicegateFilter {
            fn configure(
                _config: &str,
            ) -> Result<(Self, $crate::Subscription), ::std::string::String> {
                Ok((Self, $subscription))
            }

            fn filter(
                &mut self,
                event: &$crate::Event,
            ) -> Result<$crate::Decision, $crate::Failure> {
                let decide: fn(&$crate::Event) -> Result<$crate::Decision, $crate::Failure> =
                    $decide;
                decide(event)
            }
        }

        $crate::export!(SluicegateFilter);
    };
}
