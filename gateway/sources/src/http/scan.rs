//! Finds the end of a head as its bytes come, and refuses a bare LF on the way.
//!
//! Each byte is looked at once, however slowly the head comes.

use super::fault::Fault;

/// How far a head has been looked at.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    seen: usize,
    line_start: usize,
}

impl HeadScan {
    /// The length of the head, its empty line included, once it is all there. `bytes` is always
    /// the same head, with more at its end.
    ///
    /// # Errors
    /// When a line ends with LF alone (RFC 9112 section 2.2 lets a recipient take that; proxies
    /// differ about it, so this one does not).
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        for offset in memchr::memchr_iter(b'\n', fresh) {
            let at = self.seen + offset;
            let line = bytes.get(self.line_start..at).unwrap_or_default();
            if line.last() != Some(&b'\r') {
                return Err(Fault::malformed("a line ends with LF alone"));
            }
            // An empty first line is not the end of a head: httparse gets to see it.
            if line.len() == 1 && self.line_start > 0 {
                return Ok(Some(at + 1));
            }
            self.line_start = at + 1;
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nbody\nbody";

    #[test]
    fn the_end_is_found_wherever_the_bytes_are_cut() {
        for cut in 0..HEAD.len() {
            let mut scan = HeadScan::default();
            let first = scan.end(&HEAD[..cut]).unwrap();
            let last = first.or_else(|| scan.end(HEAD).unwrap());
            assert_eq!(last, Some(27), "cut at {cut}");
            assert_eq!(first.is_some(), cut >= 27);
        }
    }

    #[test]
    fn a_bare_lf_is_refused_at_once() {
        for bad in [&b"GET / HTTP/1.1\n"[..], b"GET / HTTP/1.1\r\na: b\n", b"\n", b"a\r\n\n"] {
            assert!(HeadScan::default().end(bad).is_err());
        }
    }
}
