//! What a frame must look like before the codec reads it: its length, its type, its flags, and
//! what the codec leaves unchecked. It looks at bytes and never at what they mean.

use bytes::BytesMut;

use super::wire::{Version, WireFault};

/// The first frame of what came: where it ends is known, the rest of it may still be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    first: u8,
    head: usize,
    body: usize,
}

/// Whether a CONNECT that asks for a session to be kept was made to ask for a clean one, because
/// the codec would not take it with an empty client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CleanStart {
    /// The packet is as it came.
    Own,
    /// The flag was set here.
    Lent,
}

impl Frame {
    /// The first frame; `None` while its header is not whole.
    ///
    /// # Errors
    /// When it cannot come from a client, or is larger than `bytes_max`.
    pub(crate) fn first(bytes: &[u8], bytes_max: usize) -> Result<Option<Self>, WireFault> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        if !FROM_CLIENTS.contains(&(first >> 4)) {
            return Err(WireFault::Protocol("packet type"));
        }
        let Some((body, digits)) = variable(rest)? else { return Ok(None) };
        let frame = Self { first, head: 1 + digits, body };
        if frame.len() > bytes_max {
            return Err(WireFault::TooLarge);
        }
        Ok(Some(frame))
    }

    /// Bytes of the frame, its header included.
    pub(crate) fn len(self) -> usize {
        self.head + self.body
    }

    fn kind(self) -> u8 {
        self.first >> 4
    }
}

/// The version that the first packet of a connection asks for; `None` while it is not there yet.
///
/// # Errors
/// When it is no CONNECT, or one of another protocol.
pub(crate) fn version_of(frame: &Frame, bytes: &[u8]) -> Result<Option<Version>, WireFault> {
    if frame.kind() != CONNECT {
        return Err(WireFault::Protocol("first packet is not CONNECT"));
    }
    if frame.body < NAME.len() + 1 {
        return Err(WireFault::Version);
    }
    let body = bytes.get(frame.head..).unwrap_or_default();
    let common = body.len().min(NAME.len());
    if body.get(..common) != NAME.get(..common) {
        return Err(WireFault::Version);
    }
    match body.get(NAME.len()) {
        None => Ok(None),
        Some(4) => Ok(Some(Version::V3)),
        Some(5) => Ok(Some(Version::V5)),
        Some(_) => Err(WireFault::Version),
    }
}

/// Checks a whole frame.
///
/// # Errors
/// When the protocol does not allow it.
pub(crate) fn check(
    frame: &Frame,
    version: Version,
    bytes: &mut BytesMut,
) -> Result<CleanStart, WireFault> {
    let body = bytes.get(frame.head..).unwrap_or_default();
    match frame.kind() {
        CONNECT => {
            let empty_id = connect(version, body)?;
            let at = frame.head + FLAGS_AT;
            let flags_now = bytes.get(at).copied().unwrap_or_default();
            if version == Version::V3 && empty_id && flags_now & CLEAN_START == 0 {
                return Err(WireFault::NoClientId);
            }
            if let Some(flags) = bytes.get_mut(at)
                && version == Version::V5
                && empty_id
                && *flags & CLEAN_START == 0
            {
                *flags |= CLEAN_START;
                return Ok(CleanStart::Lent);
            }
        }
        PUBLISH if frame.first & 0b0110 == 0 && frame.first & 0b1000 != 0 => {
            return Err(WireFault::Malformed("DUP with QoS 0"));
        }
        SUBSCRIBE if version == Version::V3 => subscribe_v3(body)?,
        PINGREQ if !body.is_empty() => return Err(WireFault::Malformed("PINGREQ with a body")),
        DISCONNECT if version == Version::V3 && !body.is_empty() => {
            return Err(WireFault::Malformed("DISCONNECT with a body"));
        }
        AUTH if version == Version::V3 => return Err(WireFault::Protocol("packet type")),
        _ => {}
    }
    Ok(CleanStart::Own)
}

/// Walks through a CONNECT to its end. Says whether its client id is empty.
fn connect(version: Version, body: &[u8]) -> Result<bool, WireFault> {
    let mut at = Walk(body);
    at.skip(NAME.len() + 1)?;
    let flags = at.byte()?;
    at.skip(2)?;
    let (will, retain_or_qos) = (flags & 0b0100 != 0, flags & 0b0011_1000 != 0);
    let (user, password) = (flags & 0b1000_0000 != 0, flags & 0b0100_0000 != 0);
    if flags & 1 != 0 || (retain_or_qos && !will) || flags & 0b0001_1000 == 0b0001_1000 {
        return Err(WireFault::Malformed("flags of CONNECT"));
    }
    if version == Version::V3 && password && !user {
        return Err(WireFault::Malformed("password without a user name"));
    }
    if version == Version::V5 {
        at.properties()?;
    }
    let id = at.text()?;
    if will {
        if version == Version::V5 {
            at.properties()?;
        }
        at.text()?;
        at.text()?;
    }
    for _ in 0..usize::from(user) + usize::from(password) {
        at.text()?;
    }
    if !at.0.is_empty() {
        return Err(WireFault::Malformed("bytes after CONNECT"));
    }
    Ok(id == 0)
}

/// The six upper bits of a requested QoS are reserved (3.1.1 section 3.8.3).
fn subscribe_v3(body: &[u8]) -> Result<(), WireFault> {
    let mut at = Walk(body);
    at.skip(2)?;
    while !at.0.is_empty() {
        at.text()?;
        if at.byte()? & 0b1111_1100 != 0 {
            return Err(WireFault::Malformed("reserved bits of a requested QoS"));
        }
    }
    Ok(())
}

/// The rest of a body that is walked through.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    fn skip(&mut self, count: usize) -> Result<(), WireFault> {
        self.0 = self.0.get(count..).ok_or(WireFault::Malformed("length"))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, WireFault> {
        let (&byte, rest) = self.0.split_first().ok_or(WireFault::Malformed("length"))?;
        self.0 = rest;
        Ok(byte)
    }

    /// Skips what has its length before it; says how long it was.
    fn text(&mut self) -> Result<usize, WireFault> {
        let len = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        self.skip(len)?;
        Ok(len)
    }

    fn properties(&mut self) -> Result<(), WireFault> {
        let (len, digits) = variable(self.0)?.ok_or(WireFault::Malformed("length"))?;
        self.skip(digits)?;
        self.skip(len)
    }
}

/// A number of one to four bytes, in as few as it needs; `None` while it is not whole.
fn variable(bytes: &[u8]) -> Result<Option<(usize, usize)>, WireFault> {
    let mut value = 0;
    for at in 0..4 {
        let Some(&byte) = bytes.get(at) else { return Ok(None) };
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if byte == 0 && at > 0 {
                return Err(WireFault::Malformed("length is not in its shortest form"));
            }
            return Ok(Some((value, at + 1)));
        }
    }
    Err(WireFault::Malformed("length"))
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;
const AUTH: u8 = 15;

/// The packets that a client may send.
const FROM_CLIENTS: [u8; 11] =
    [CONNECT, PUBLISH, 4, 5, 6, 7, SUBSCRIBE, 10, PINGREQ, DISCONNECT, AUTH];

/// The name of the protocol, as a CONNECT begins with it.
const NAME: &[u8] = b"\x00\x04MQTT";
const FLAGS_AT: usize = 7;
const CLEAN_START: u8 = 0b10;
