//! As much of the Redis protocol (RESP2) as the bench speaks: commands out, replies in.

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A line of text, or a number as text.
    Line(String),
    /// An error, as the server words it.
    Error(String),
    /// Bytes.
    Bulk(Vec<u8>),
    /// Nothing: a null bulk or a null list.
    Null,
    /// Several.
    List(Vec<Reply>),
}

/// Adds a command to a buffer.
pub(super) fn command(into: &mut Vec<u8>, words: &[&[u8]]) {
    into.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        into.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        into.extend_from_slice(word);
        into.extend_from_slice(b"\r\n");
    }
}

/// The first reply and the bytes it takes; `None` if it is not wholly here.
///
/// # Errors
/// When the bytes are not a reply.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, String> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n") else { return Ok(None) };
    let (kind, line) = bytes[..end].split_first().ok_or("an empty line")?;
    let line = String::from_utf8_lossy(line).into_owned();
    let start = end + 2;
    let count = || line.parse::<i64>().map_err(|_| format!("{line} is not a length"));
    match kind {
        b'+' | b':' => Ok(Some((Reply::Line(line), start))),
        b'-' => Ok(Some((Reply::Error(line), start))),
        b'$' => match usize::try_from(count()?) {
            Err(_) => Ok(Some((Reply::Null, start))),
            Ok(len) if bytes.len() < start + len + 2 => Ok(None),
            Ok(len) => Ok(Some((Reply::Bulk(bytes[start..start + len].to_vec()), start + len + 2))),
        },
        b'*' => match usize::try_from(count()?) {
            Err(_) => Ok(Some((Reply::Null, start))),
            Ok(count) => list(bytes, start, count),
        },
        other => Err(format!("a reply cannot begin with byte {other}")),
    }
}

fn list(bytes: &[u8], start: usize, count: usize) -> Result<Option<(Reply, usize)>, String> {
    let mut at = start;
    let mut replies = Vec::new();
    for _ in 0..count {
        let Some((reply, taken)) = parse(&bytes[at..])? else { return Ok(None) };
        replies.push(reply);
        at += taken;
    }
    Ok(Some((Reply::List(replies), at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_once_it_is_whole() {
        let bytes = b"*3\r\n$3\r\na\r\n\r\n:12\r\n*-1\r\n+OK\r\n";
        let list =
            Reply::List(vec![Reply::Bulk(b"a\r\n".into()), Reply::Line("12".into()), Reply::Null]);
        let whole = bytes.len() - 5;
        assert_eq!(parse(bytes), Ok(Some((list, whole))));
        for end in 0..whole {
            assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
        }
        assert_eq!(parse(&bytes[whole..]), Ok(Some((Reply::Line("OK".into()), 5))));
        assert!(parse(b"?\r\n").is_err());
    }

    #[test]
    fn a_command_is_a_list_of_bulks() {
        let mut bytes = Vec::new();
        command(&mut bytes, &[b"XADD", b"s"]);
        assert_eq!(bytes, b"*2\r\n$4\r\nXADD\r\n$1\r\ns\r\n");
    }
}
