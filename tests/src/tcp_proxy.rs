//! A TCP proxy on loopback whose connections can be cut, or fall silent, while both ends live.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy to one port. Its threads end with its connections.
pub struct TcpProxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    silent: Arc<AtomicBool>,
    to_target: Arc<AtomicU64>,
}

impl TcpProxy {
    /// A proxy to this port of this machine.
    ///
    /// # Panics
    /// When no loopback port is free.
    #[must_use]
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let open = Arc::new(Mutex::new(Vec::new()));
        let silent = Arc::new(AtomicBool::new(false));
        let (kept, is_silent) = (Arc::clone(&open), Arc::clone(&silent));
        let to_target = Arc::new(AtomicU64::new(0));
        let (there, back) = (Arc::clone(&to_target), Arc::new(AtomicU64::new(0)));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A target that is down is a connection that ends at once.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else {
                    continue;
                };
                let clone = |stream: &TcpStream| stream.try_clone().expect("a stream has a clone");
                kept.lock().expect("no thread panicked").extend([clone(&client), clone(&server)]);
                let (to, from) = (clone(&server), clone(&client));
                forward(from, to, Arc::clone(&is_silent), Arc::clone(&there));
                forward(server, client, Arc::clone(&is_silent), Arc::clone(&back));
            }
        });
        Self { port, open, silent, to_target }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Bytes that have come for the target so far.
    #[must_use]
    pub fn bytes_to_target(&self) -> u64 {
        self.to_target.load(Ordering::Relaxed)
    }

    /// Cuts every connection that is open, both ways.
    ///
    /// # Panics
    /// When a thread of it panicked.
    pub fn cut(&self) {
        for stream in self.open.lock().expect("no thread panicked").drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // It may be closed already.
        }
    }

    /// From now on nothing comes through, and nobody is told; or again all that comes.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }
}

fn forward(
    mut from: TcpStream,
    mut to: TcpStream,
    silent: Arc<AtomicBool>,
    count_of: Arc<AtomicU64>,
) {
    thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count) = from.read(&mut buffer)
            && count > 0
        {
            count_of.fetch_add(count as u64, Ordering::Relaxed);
            if !silent.load(Ordering::Relaxed) && to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both); // It may be closed already.
    });
}
