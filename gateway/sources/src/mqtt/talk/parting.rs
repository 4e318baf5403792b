//! How a talk ends: the last words of the client, its place, and what is still on its way.

use futures_util::stream::StreamExt;

use super::{BUSY, Done, Talk};
use crate::mqtt::entrance::Last;
use crate::mqtt::seat::Will;
use crate::mqtt::session::{Ending, WillFate};

impl Talk {
    /// The bell was rung: perhaps because another connection of the client comes.
    pub(crate) fn rung(&mut self) {
        let held = self.seat.lock();
        self.awaited = held.rival.is_some() && held.session.link == Some(self.link.number);
    }

    /// Whether another connection of the client waits for the last words of this one.
    pub(crate) fn has_rival(&self) -> bool {
        self.awaited
    }

    /// Everything that came is heard.
    pub(crate) fn heard_all(&mut self) {
        self.awaited = false;
        let mut held = self.seat.lock();
        if held.session.link == Some(self.link.number) {
            held.rival = None;
        }
    }

    /// The connection speaks for its client no longer. Gives back the will that is to be published
    /// now.
    pub(crate) fn leave(&mut self, ending: Ending) -> Option<Will> {
        self.pumps.clear();
        let last = match ending.will {
            WillFate::Dropped => Last::Parted,
            WillFate::Published => Last::Lost,
        };
        let now = self.shared.now();
        self.shared.hub.leave(&self.seat, self.link.number, last, now)
    }

    /// The connection is over. What is on its way through the line goes on to its end.
    pub(crate) async fn end(mut self, will: Option<Will>) {
        while let Some(done) = self.takes.next().await {
            // Nobody is there to be told; the session remembers what must not be doubled.
            match done {
                Done::Took { publish, taking, taken } => {
                    let judged = taken.judged;
                    self.shared.spread(*taken, &publish, &self.publisher);
                    let (number, mut held) = (self.link.number, self.seat.lock());
                    let _ = held.session.judged(number, None, taking, judged);
                }
                Done::Forgot(id, mark, Ok(())) => {
                    let _ = self.seat.lock().session.forgotten(&mut self.link, id, mark);
                }
                Done::Released(id, Ok(())) => {
                    let _ = self.seat.lock().session.released(self.link.number, id);
                }
                Done::Released(id, Err(_)) => {
                    self.seat.lock().session.unreleased(self.link.number, id, BUSY);
                }
                Done::Kept(..) | Done::Forgot(_, _, Err(_)) => {}
            }
            self.seat.wake();
        }
        if let Some(will) = will {
            self.shared.publish_will(will).await;
        }
    }
}
