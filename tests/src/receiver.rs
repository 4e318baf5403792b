//! A receiver: the system that a push sink hands events to. It answers as the test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crate::deadline::wait_for;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The request line.
    pub line: String,
    /// The headers: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came.
    pub at: Instant,
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// More headers.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// An answer of this status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// An HTTP server on a loopback port that keeps what it is sent.
pub struct Receiver {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Receiver {
    /// Starts a receiver. `answer` is asked with the request and its number, from 0.
    ///
    /// # Panics
    /// When no loopback port is free.
    #[must_use]
    pub fn start(answer: impl Fn(&Taken, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Self { address, taken }
    }

    /// Where it listens, as a URL with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What has come so far.
    ///
    /// # Panics
    /// When an answer panicked.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no answer panicked").clone()
    }

    /// Waits until `count` requests have come, and returns them.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Taken> {
        wait_for(&format!("{count} requests"), || {
            Some(self.taken()).filter(|taken| taken.len() >= count)
        })
    }
}

impl Taken {
    /// The value of a header (in lower case); empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

/// Serves one connection until the client closes it.
fn serve(
    stream: TcpStream,
    kept: &Mutex<Vec<Taken>>,
    answer: &(dyn Fn(&Taken, usize) -> Answer + Send + Sync),
) {
    let mut stream = BufReader::new(stream);
    while let Some(taken) = read(&mut stream) {
        let answer = {
            let mut kept = kept.lock().expect("no answer panicked");
            let number = kept.len();
            kept.push(taken.clone());
            answer(&taken, number)
        };
        let mut head = format!("HTTP/1.1 {} Answer\r\nContent-Length: 0\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        if stream.get_mut().write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads one request with a `Content-Length` or without a body.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Taken> {
    let line = text_line(stream)?;
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let header = text_line(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Taken { line, headers, body, at: Instant::now() })
}

fn text_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|count| *count > 0)?;
    Some(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn a_receiver_keeps_what_came_and_answers_as_told() {
        let receiver = Receiver::start(|_, number| {
            if number == 0 {
                Answer::status(503).with("Retry-After", "1")
            } else {
                Answer::status(204)
            }
        });
        let mut connection = http::Connection::open(receiver.address).unwrap();
        let first = connection.exchange(&http::request("POST", "/x", &[], b"one")).unwrap();
        let second = connection.exchange(&http::request("POST", "/x", &[], b"two")).unwrap();
        assert_eq!((first.status, first.header("retry-after")), (503, Some("1")));
        assert_eq!(second.status, 204);
        let bodies: Vec<_> = receiver.wait_for(2).into_iter().map(|taken| taken.body).collect();
        assert_eq!(bodies, [b"one", b"two"]);
    }
}
