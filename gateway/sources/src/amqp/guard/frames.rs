//! Takes the stream of a broker apart into frames, and puts it together again without what lapin
//! must not see. It knows no more of AMQP than that needs.

use std::collections::BTreeMap;

use super::marks::Mark;
use super::properties;
use super::reader::Reader;

/// One connection's frames, from the broker.
#[derive(Debug)]
pub(crate) struct Guard {
    body_bytes_max: u64,
    state: State,
    /// The head of a frame, or a whole one, that is not yet complete.
    partial: Vec<u8>,
    channels: BTreeMap<u16, Content>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The seven bytes before a frame's payload.
    Head,
    /// A frame that is looked at: this many bytes with its head and end.
    Whole(usize),
    /// A frame that is not: this many bytes are left of it.
    Through { left: usize, keep: bool },
}

/// What is known of the message that comes on a channel.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    /// Why its address cannot be read.
    mark: Option<Mark>,
    /// Bytes of its body that are left out.
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

impl Guard {
    /// A guard of a new connection; longer bodies are left out.
    pub(crate) fn new(body_bytes_max: u64) -> Self {
        let (state, partial, channels) = (State::Head, Vec::new(), BTreeMap::new());
        Self { body_bytes_max, state, partial, channels }
    }

    /// Takes what came, and adds to `out` what may be handed on.
    ///
    /// # Errors
    /// When the connection must be closed.
    pub(crate) fn pass(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), GuardFault> {
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
                State::Through { left, keep } => {
                    let (part, rest) = bytes.split_at(left.min(bytes.len()));
                    if keep {
                        out.extend_from_slice(part);
                    }
                    bytes = rest;
                    let left = left - part.len();
                    self.state =
                        if left == 0 { State::Head } else { State::Through { left, keep } };
                }
            }
        }
        Ok(())
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
            self.state = State::Through { left: 1, keep: true };
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
        let keep = kind != BODY || self.keeps(channel, size);
        if keep {
            out.extend_from_slice(&self.partial);
        }
        self.partial.clear();
        self.state = State::Through { left: size + 1, keep };
        Ok(())
    }

    /// Whether a frame of a body is handed on.
    fn keeps(&mut self, channel: u16, size: usize) -> bool {
        let Some(content) = self.channels.get_mut(&channel) else { return true };
        if content.left_out == 0 {
            return true;
        }
        content.left_out = content.left_out.saturating_sub(size as u64);
        false
    }

    /// Looks at a whole frame, and hands it on or something in its place.
    fn whole(&mut self, out: &mut Vec<u8>) -> Result<(), GuardFault> {
        self.state = State::Head;
        let mut frame = std::mem::take(&mut self.partial);
        let Some((END, front)) = frame.split_last_mut().map(|(end, front)| (*end, front)) else {
            return Err(GuardFault::NoEnd);
        };
        let Some((head, payload)) = front.split_at_mut_checked(HEAD_BYTES) else {
            return Err(GuardFault::NoEnd);
        };
        let mut reader = Reader::new(head);
        let (kind, channel) = (reader.u8().unwrap_or(0), reader.u16().unwrap_or(0));
        if kind == METHOD {
            self.method(channel, payload)?;
        } else if let Some(mark) = self.header(channel, payload) {
            write_frame(out, channel, &mark.header_frame());
            self.give_back(frame);
            return Ok(());
        }
        out.extend_from_slice(&frame);
        self.give_back(frame);
        Ok(())
    }

    /// Keeps the buffer for the next frame, unless it became a large one.
    fn give_back(&mut self, mut frame: Vec<u8>) {
        if frame.capacity() <= KEPT_BYTES {
            frame.clear();
            self.partial = frame;
        }
    }

    /// A method: with a new one, the content of the one before is over.
    fn method(&mut self, channel: u16, payload: &mut [u8]) -> Result<(), GuardFault> {
        let mut reader = Reader::new(payload);
        let named = reader.u16().zip(reader.u16());
        let (class, method) =
            named.filter(|named| is_of_broker(*named)).ok_or(GuardFault::Method)?;
        self.channels.remove(&channel);
        match (class, method) {
            START => start(&mut reader).map_err(|_| GuardFault::Broker),
            DELIVER => {
                if let Err(mark) = address(&mut reader) {
                    let content = Content { mark: Some(mark), left_out: 0 };
                    self.channels.insert(channel, content);
                    let texts = payload.get_mut(4..).unwrap_or_default();
                    make_text(texts);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A content header: the mark to put in its place, if it or its body cannot be handed on.
    fn header(&mut self, channel: u16, payload: &[u8]) -> Option<Mark> {
        let (body_bytes, judged) = properties::judge(payload);
        let content = self.channels.get(&channel).copied().unwrap_or_default();
        let too_large = (body_bytes > self.body_bytes_max).then_some(Mark::TooLarge);
        let mark = content.mark.or(judged.err()).or(too_large)?;
        self.channels.insert(channel, Content { mark: None, left_out: body_bytes });
        Some(mark)
    }
}

/// Whether this class and method is a broker's to say.
fn is_of_broker((class, method): (u16, u16)) -> bool {
    OF_BROKERS.iter().any(|(of, methods)| *of == class && methods.contains(&method))
}

/// `connection.start`: version, and the broker's properties.
fn start(reader: &mut Reader<'_>) -> Result<(), Mark> {
    reader.u16().ok_or(Mark::Broken)?;
    properties::table(reader.long().ok_or(Mark::Broken)?, 0)
}

/// `basic.deliver`: consumer tag, delivery tag, redelivered, exchange, routing key.
fn address(reader: &mut Reader<'_>) -> Result<(), Mark> {
    properties::text(reader.short().ok_or(Mark::Broken)?)?;
    reader.u64().ok_or(Mark::Broken)?;
    reader.u8().ok_or(Mark::Broken)?;
    properties::text(reader.short().ok_or(Mark::Broken)?)?;
    properties::text(reader.short().ok_or(Mark::Broken)?)
}

/// Puts `?` for every byte of the two names of a `basic.deliver` that is not ASCII. The message is
/// refused; its delivery tag must come through.
fn make_text(fields: &mut [u8]) {
    let tag_bytes = usize::from(fields.first().copied().unwrap_or(0)) + 1;
    let names = fields.get_mut(tag_bytes + 9..).unwrap_or_default();
    let mut at = 0;
    while let Some(length) = names.get(at).copied() {
        let end = (at + 1 + usize::from(length)).min(names.len());
        for byte in names.get_mut(at + 1..end).unwrap_or_default() {
            if !byte.is_ascii() {
                *byte = b'?';
            }
        }
        at = end;
    }
}

fn write_frame(out: &mut Vec<u8>, channel: u16, payload: &[u8]) {
    out.push(HEADER);
    out.extend(channel.to_be_bytes());
    out.extend(u32::try_from(payload.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// Most frames that are looked at are some hundred bytes.
const KEPT_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
