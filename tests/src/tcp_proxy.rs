//! A TCP proxy on loopback whose connections can be cut, or fall silent, while both ends live.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy to one port. Its threads end with its connections.
pub struct TcpProxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    silent: Arc<AtomicBool>,
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
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A target that is down is a connection that ends at once.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else {
                    continue;
                };
                let clone = |stream: &TcpStream| stream.try_clone().expect("a stream has a clone");
                kept.lock().expect("no thread panicked").extend([clone(&client), clone(&server)]);
                forward(clone(&client), clone(&server), Arc::clone(&is_silent));
                forward(server, client, Arc::clone(&is_silent));
            }
        });
        Self { port, open, silent }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
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

fn forward(mut from: TcpStream, mut to: TcpStream, silent: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count) = from.read(&mut buffer)
            && count > 0
        {
            if !silent.load(Ordering::Relaxed) && to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both); // It may be closed already.
    });
}
