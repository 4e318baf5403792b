//! A small blocking HTTP/1.1 client that sends exactly the bytes it is given.
//!
//! A test of a door must be able to write what no proper client would write.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(70);

/// A connection to the gateway.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event's id.
    pub id: String,
    /// Whether it was stored now or before.
    pub repeat: Repeat,
}

/// Whether a delivery was the first of its idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It was stored now.
    First,
    /// It had been stored before.
    Duplicate,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Writes these bytes.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }

    /// Reads one answer; interim answers (1xx) are passed over.
    ///
    /// # Errors
    /// When the other side closes first, or does not speak HTTP/1.1.
    pub fn read(&mut self) -> io::Result<Response> {
        loop {
            let response = self.read_one()?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    /// Writes a request and reads its answer. A write that fails because the other side answered
    /// early and closed still gives the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        let written = self.write(request);
        self.read().or_else(|fault| written.and(Err(fault)))
    }

    /// Whether the other side closes without another byte.
    ///
    /// # Errors
    /// When it neither sends nor closes within the patience of a test.
    pub fn is_closed_by_peer(&mut self) -> io::Result<bool> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(count) => Ok(count == 0),
            Err(fault) if fault.kind() == io::ErrorKind::ConnectionReset => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn read_one(&mut self) -> io::Result<Response> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let start = self.line()?;
        let mut words = start.split(' ');
        if words.next() != Some("HTTP/1.1") {
            return Err(invalid());
        }
        let status: u16 = words.next().and_then(|code| code.parse().ok()).ok_or_else(invalid)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(invalid)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if status >= 200 && status != 204 && status != 304 {
            response.body = self.body(&response)?;
        }
        Ok(response)
    }

    fn body(&mut self, head: &Response) -> io::Result<Vec<u8>> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
        let mut body = Vec::new();
        if let Some(length) = head.header("content-length") {
            let length: usize = length.parse().map_err(invalid)?;
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
        } else if head.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(invalid)?;
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..])?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }
}

impl Response {
    /// The first header of that name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("body is not JSON ({fault}): {self:?}"))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails the test unless this is a 202, and returns what it says.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        assert_eq!(self.status, 202, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        let id = body["id"].as_str().expect("a receipt has the event's id").to_owned();
        let repeat = if body["duplicate"].as_bool().expect("a receipt says whether it is one") {
            Repeat::Duplicate
        } else {
            Repeat::First
        };
        Accepted { id, repeat }
    }

    /// Fails the test unless this is a problem (RFC 9457) of this status and stable code.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string(), "{problem}");
    }
}

/// A request with a `Host` and a `Content-Length`, as bytes.
#[must_use]
pub fn request(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

/// Header pairs from literals.
#[must_use]
pub fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Sends one request over a connection of its own.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn send(to: SocketAddr, request: &[u8]) -> Response {
    let mut connection = Connection::open(to).expect("the gateway listens");
    connection.exchange(request).expect("the gateway answers")
}
