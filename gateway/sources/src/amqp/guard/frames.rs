//! Takes the stream of a broker apart into frames: those of messages for us, the others for lapin,
//! but for what it must not see. It knows no more of AMQP than that needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::content::{Delivered, Draft, Misplaced};
use super::properties;
use super::reader::Reader;
use super::tap::{Overflow, Taps};
use super::unreadable::Unreadable;

/// One connection's frames, from the broker.
#[derive(Debug)]
pub(crate) struct Guard {
    body_bytes_max: u64,
    state: State,
    /// The head of a frame, or a whole one, that is not yet complete.
    partial: Vec<u8>,
    channels: BTreeMap<u16, Content>,
    /// Messages that have come whole, each with its channel.
    delivered: Vec<(u16, Delivered)>,
    taps: Arc<Taps>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The seven bytes before a frame's payload.
    Head,
    /// A frame that is looked at: this many bytes with its head and end.
    Whole(usize),
    /// A frame that is not: this many bytes are left of it.
    Through { left: usize, to: To },
}

/// Whose a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Lapin,
    Nobody,
    /// The message that comes on this channel.
    Message(u16),
}

/// What comes on a channel in pieces.
#[derive(Debug, Default)]
struct Content {
    /// A message for us, of which not all has come.
    message: Option<Draft>,
    /// Bytes that are to come of a body which lapin must not see: that of a returned message.
    left_out: u64,
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardFault {
    /// A frame is larger than was agreed.
    #[error("a frame is too large")]
    FrameTooLarge,
    /// A frame does not end as frames do.
    #[error("a frame has no end")]
    NoEnd,
    /// The broker presents itself in a way that cannot be read.
    #[error("the broker's properties cannot be read")]
    Broker,
    /// A message has no delivery tag, is broken off, or its pieces do not belong together.
    #[error("the pieces of a message do not belong together")]
    Message,
    /// More messages come than may be without an answer.
    #[error("the broker sends more messages than it may (prefetch)")]
    Overflow,
    /// A method that no broker has to send: it may hold tables as deep as it likes.
    #[error("the broker sends what only clients send")]
    Method,
}

const HEAD_BYTES: usize = 7;
const END: u8 = 0xce;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// Class and method of what is looked at.
const START: (u16, u16) = (10, 10);
const DELIVER: (u16, u16) = (60, 60);

/// What a broker says to a client that consumes, publishes, and declares. Of all these only
/// `connection.start` holds a table, and that one is looked at.
const OF_BROKERS: [(u16, &[u16]); 6] = [
    // start, secure, tune, open-ok, close, close-ok, blocked, unblocked, update-secret-ok
    (10, &[10, 20, 30, 41, 50, 51, 60, 61, 71]),
    // open-ok, flow, flow-ok, close, close-ok
    (20, &[11, 20, 21, 40, 41]),
    // exchange: declare-ok, delete-ok, bind-ok, unbind-ok
    (40, &[11, 21, 31, 51]),
    // queue: declare-ok, bind-ok, purge-ok, delete-ok, unbind-ok
    (50, &[11, 21, 31, 41, 51]),
    // basic: qos-ok, consume-ok, cancel, cancel-ok, return, deliver, get-ok, get-empty, ack,
    // recover-ok, nack
    (60, &[11, 21, 30, 31, 50, 60, 71, 72, 80, 111, 120]),
    // confirm: select-ok
    (85, &[11]),
];

/// Bytes of one frame with its head and its end. This is what we propose, as RabbitMQ does; what
/// is agreed on is never more. lapin keeps some dozens of frames for each connection.
pub(crate) const FRAME_MAX: u32 = 128 * 1024;

/// Bytes of one frame's payload.
const FRAME_BYTES_MAX: usize = 128 * 1024 - HEAD_BYTES - 1;

const _: () = assert!(FRAME_BYTES_MAX + HEAD_BYTES + 1 == FRAME_MAX as usize);

impl From<Misplaced> for GuardFault {
    fn from(_: Misplaced) -> Self {
        Self::Message
    }
}

impl From<Overflow> for GuardFault {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl Guard {
    /// A guard of a new connection, whose messages go to these taps; longer bodies are left out.
    pub(crate) fn new(body_bytes_max: u64, taps: Arc<Taps>) -> Self {
        let (state, partial, channels) = (State::Head, Vec::new(), BTreeMap::new());
        Self { body_bytes_max, state, partial, channels, delivered: Vec::new(), taps }
    }

    /// Takes what came: adds what is lapin's to `out`, and hands out messages that are whole.
    ///
    /// # Errors
    /// When the connection must be closed.
    pub(crate) fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), GuardFault> {
        let passed = self.take_apart(bytes, out);
        self.taps.hand_out(self.delivered.drain(..))?;
        passed
    }

    fn take_apart(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), GuardFault> {
        while !bytes.is_empty() {
            match self.state {
                State::Head => {
                    if self.collect(&mut bytes, HEAD_BYTES) {
                        self.begin(out)?;
                    }
                }
                State::Whole(length) => {
                    if self.collect(&mut bytes, length) {
                        self.whole(out)?;
                    }
                }
                State::Through { left, to } => {
                    let (part, rest) = bytes.split_at(left.min(bytes.len()));
                    let is_all = part.len() == left;
                    self.state = match is_all {
                        true => State::Head,
                        false => State::Through { left: left - part.len(), to },
                    };
                    match to {
                        To::Lapin => out.extend_from_slice(part),
                        To::Nobody => {}
                        To::Message(channel) => self.body(channel, part, is_all)?,
                    }
                    bytes = rest;
                }
            }
        }
        Ok(())
    }

    /// Whether lapin has whole frames only.
    pub(crate) fn is_between_frames(&self) -> bool {
        !matches!(self.state, State::Through { to: To::Lapin, .. })
    }

    /// Collects until there are `length` bytes; whether there are.
    fn collect(&mut self, bytes: &mut &[u8], length: usize) -> bool {
        let missing = length.saturating_sub(self.partial.len());
        let (part, rest) = bytes.split_at(missing.min(bytes.len()));
        self.partial.extend_from_slice(part);
        *bytes = rest;
        self.partial.len() >= length
    }

    /// Decides, at its head, what becomes of a frame.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), GuardFault> {
        let mut reader = Reader::new(&self.partial);
        let (kind, channel, size) = (reader.u8(), reader.u16(), reader.u32());
        let (Some(kind), Some(channel), Some(size)) = (kind, channel, size) else {
            return Ok(());
        };
        // A broker of another protocol says in eight bytes which it speaks, and lapin ends there.
        if kind == b'A' {
            out.append(&mut self.partial);
            self.state = State::Through { left: 1, to: To::Lapin };
            return Ok(());
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > FRAME_BYTES_MAX {
            return Err(GuardFault::FrameTooLarge);
        }
        if kind == METHOD || kind == HEADER {
            self.state = State::Whole(HEAD_BYTES + size + 1);
            return Ok(());
        }
        let to = if kind == BODY { self.body_begins(channel, size)? } else { To::Lapin };
        if to == To::Lapin {
            out.extend_from_slice(&self.partial);
        }
        self.partial.clear();
        self.state = State::Through { left: size + 1, to };
        Ok(())
    }

    /// Whose a frame of a body is.
    fn body_begins(&mut self, channel: u16, size: usize) -> Result<To, GuardFault> {
        let Some(content) = self.channels.get_mut(&channel) else { return Ok(To::Lapin) };
        if let Some(draft) = &content.message {
            draft.expects(size)?;
            return Ok(To::Message(channel));
        }
        if content.left_out == 0 {
            return Ok(To::Lapin);
        }
        content.left_out = content.left_out.saturating_sub(size as u64);
        Ok(To::Nobody)
    }

    /// A part of a frame of a body; `is_all`: the last one, with the frame's end.
    fn body(&mut self, channel: u16, part: &[u8], is_all: bool) -> Result<(), GuardFault> {
        let Some(draft) = self.draft(channel) else { return Ok(()) };
        if !is_all {
            draft.add(part);
            return Ok(());
        }
        let Some((END, last)) = part.split_last().map(|(end, last)| (*end, last)) else {
            return Err(GuardFault::NoEnd);
        };
        draft.add(last);
        self.finish(channel);
        Ok(())
    }

    /// Looks at a whole frame, and hands it on if it is lapin's.
    fn whole(&mut self, out: &mut Vec<u8>) -> Result<(), GuardFault> {
        self.state = State::Head;
        let mut frame = std::mem::take(&mut self.partial);
        let Some((END, front)) = frame.split_last().map(|(end, front)| (*end, front)) else {
            return Err(GuardFault::NoEnd);
        };
        let Some((head, payload)) = front.split_at_checked(HEAD_BYTES) else {
            return Err(GuardFault::NoEnd);
        };
        let mut reader = Reader::new(head);
        let (kind, channel) = (reader.u8().unwrap_or(0), reader.u16().unwrap_or(0));
        match kind {
            METHOD if self.method(channel, payload)? => out.extend_from_slice(&frame),
            METHOD => {}
            _ => self.header(channel, payload, &frame, out)?,
        }
        // Kept for the next frame, unless it became a large one.
        if frame.capacity() <= KEPT_BYTES {
            frame.clear();
            self.partial = frame;
        }
        Ok(())
    }

    /// A method: with a new one, the content of the one before is over. Whether it is lapin's. A
    /// message that is broken off would be acknowledged with the next one.
    fn method(&mut self, channel: u16, payload: &[u8]) -> Result<bool, GuardFault> {
        let mut reader = Reader::new(payload);
        let named = reader.u16().zip(reader.u16());
        let named = named.filter(|named| is_of_broker(*named)).ok_or(GuardFault::Method)?;
        if self.draft(channel).is_some() {
            return Err(GuardFault::Message);
        }
        if named == DELIVER {
            let draft = Draft::begin(&mut reader, self.taps.is_open(channel))?;
            self.channels.insert(channel, Content { message: Some(draft), left_out: 0 });
            return Ok(false);
        }
        self.channels.remove(&channel);
        if named == START {
            start(&mut reader).map_err(|_| GuardFault::Broker)?;
        }
        Ok(true)
    }

    /// A content header: of a message, or of one that was returned, which lapin must be able to
    /// read: otherwise it sees one without properties and body.
    fn header(
        &mut self,
        channel: u16,
        payload: &[u8],
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), GuardFault> {
        let body_bytes_max = self.body_bytes_max;
        if let Some(draft) = self.draft(channel) {
            draft.head(payload, body_bytes_max)?;
            self.finish(channel);
            return Ok(());
        }
        let (body_bytes, properties) = properties::read(payload);
        if properties.is_ok() && body_bytes <= body_bytes_max {
            out.extend_from_slice(frame);
            return Ok(());
        }
        self.channels.insert(channel, Content { message: None, left_out: body_bytes });
        write_frame(out, channel, &NO_CONTENT);
        Ok(())
    }

    /// The message of which not all has come.
    fn draft(&mut self, channel: u16) -> Option<&mut Draft> {
        self.channels.get_mut(&channel)?.message.as_mut()
    }

    /// Hands a message on if all of it has come.
    fn finish(&mut self, channel: u16) {
        let content = self.channels.get_mut(&channel);
        let whole = content.and_then(|content| content.message.take_if(|draft| draft.is_whole()));
        self.delivered.extend(whole.and_then(Draft::finish).map(|whole| (channel, whole)));
    }
}

/// Whether this class and method is a broker's to say.
fn is_of_broker((class, method): (u16, u16)) -> bool {
    OF_BROKERS.iter().any(|(of, methods)| *of == class && methods.contains(&method))
}

/// `connection.start`: version, and the broker's properties.
fn start(reader: &mut Reader<'_>) -> Result<(), Unreadable> {
    reader.u16().ok_or(Unreadable::Broken)?;
    properties::table(reader.long().ok_or(Unreadable::Broken)?, 0)
}

fn write_frame(out: &mut Vec<u8>, channel: u16, payload: &[u8]) {
    out.push(HEADER);
    out.extend(channel.to_be_bytes());
    out.extend(u32::try_from(payload.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// The payload of a content header of class `basic`: no body, no properties.
const NO_CONTENT: [u8; 14] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Most frames that are looked at are some hundred bytes.
const KEPT_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
