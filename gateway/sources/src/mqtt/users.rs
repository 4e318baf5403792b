//! Users and their passwords, as a file has them: `NAME:$argon2id$...`, one a line.
//!
//! A password is held against its hash on a thread of its own, a few at a time: one hash takes
//! megabytes and milliseconds, and a stranger may ask for many. Who would wait behind too many
//! others is sent away at once. Of a password that was right a MAC is remembered for a while,
//! under a key that nobody sees and that ends with the process: a fleet that comes back together is
//! not hashed again. What is wrong is always hashed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::known::Known;

/// Users and their passwords.
#[derive(Debug, Clone)]
pub struct Users {
    hashes: Arc<HashMap<String, String>>,
    known: Arc<Known>,
    at_once: Arc<Semaphore>,
    /// Those who are hashed, and those who wait for it.
    waiting: Arc<Semaphore>,
}

/// Too many passwords wait to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// Why a file of users cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsersFault {
    /// A line is not a name and a hash.
    #[error("line {line} is not NAME:$argon2id$...")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// A name is there twice.
    #[error("line {line} names a user that was named before")]
    Doubled {
        /// Its number, from 1.
        line: usize,
    },
}

impl Default for Users {
    fn default() -> Self {
        Self {
            hashes: Arc::default(),
            known: Arc::default(),
            at_once: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(HASHES_WAITING)),
        }
    }
}

impl Users {
    /// Reads a file of users. Empty lines, and those that begin with `#`, say nothing.
    ///
    /// # Errors
    /// Every line that cannot be read. No hash is repeated.
    pub fn parse(text: &str) -> Result<Self, Vec<UsersFault>> {
        let (mut hashes, mut faults) = (HashMap::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let line_number = at + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            match line.trim_end().split_once(':') {
                Some((name, hash)) if !name.is_empty() && is_hash(hash) => {
                    if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                        faults.push(UsersFault::Doubled { line: line_number });
                    }
                }
                _ => faults.push(UsersFault::Line { line: line_number }),
            }
        }
        if faults.is_empty() {
            Ok(Self { hashes: Arc::new(hashes), ..Self::default() })
        } else {
            Err(faults)
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this is the password of this user. A name that is not known takes as long.
    ///
    /// # Errors
    /// When too many others wait. Nothing was looked at then.
    pub(crate) async fn knows(&self, name: &str, password: &[u8]) -> Result<bool, Busy> {
        if self.known.is_known(name, password, Instant::now()) {
            return Ok(true);
        }
        let waits = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Busy)?;
        let Ok(turn) = Arc::clone(&self.at_once).acquire_owned().await else { return Err(Busy) };
        let users = self.clone();
        let (name, password) = (name.to_owned(), Zeroizing::new(password.to_owned()));
        let verify = move || {
            // A thread cannot be called off: who hangs up meanwhile frees no place by that.
            let _held = (waits, turn);
            users.verify(&name, &password)
        };
        Ok(tokio::task::spawn_blocking(verify).await.unwrap_or(false))
    }

    fn verify(&self, name: &str, password: &[u8]) -> bool {
        let known = self.hashes.get(name);
        let Some(hash) = known.or_else(|| self.hashes.values().next()) else { return false };
        let right = verify(hash, password) && known.is_some();
        if right {
            self.known.remember(name, password, Instant::now());
        }
        right
    }
}

fn is_hash(text: &str) -> bool {
    text.starts_with("$argon2id$")
        && PasswordHash::new(text).is_ok_and(|hash| {
            let params = argon2::Params::try_from(&hash);
            hash.hash.is_some() && params.is_ok_and(|params| params.m_cost() <= MEMORY_KIB_MAX)
        })
}

fn verify(hash: &str, password: &[u8]) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Passwords that are looked at together.
const HASHES_AT_ONCE: usize = 2;

/// Passwords that are looked at, or wait for it: at some tens of milliseconds each, more would not
/// have their turn before the deadline of their CONNECT.
const HASHES_WAITING: usize = 128;

/// Memory that one hash may ask for.
const MEMORY_KIB_MAX: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// `secret`, hashed with the smallest memory, as `argon2 -id -m 3 -t 1 -p 1` writes it.
    fn hash_of(password: &str) -> String {
        use argon2::password_hash::{PasswordHasher, SaltString};
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let argon = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let salt = SaltString::encode_b64(b"salt of a test").unwrap();
        argon.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_known() {
        let file = format!("# people\n\nann:{}\nbob:{}\n", hash_of("secret"), hash_of("other"));
        let users = Users::parse(&file).unwrap();
        for _ in 0..2 {
            assert_eq!(users.knows("ann", b"secret").await, Ok(true));
        }
        for (name, password) in [("ann", "other"), ("bob", "secret"), ("eve", "secret"), ("", "")] {
            assert_eq!(users.knows(name, password.as_bytes()).await, Ok(false), "{name}");
        }
        assert_eq!(Users::default().knows("ann", b"secret").await, Ok(false));
    }

    #[tokio::test]
    async fn those_behind_too_many_others_are_sent_away_and_who_is_known_is_not() {
        let users = Users::parse(&format!("ann:{}\n", hash_of("secret"))).unwrap();
        assert_eq!(users.knows("ann", b"secret").await, Ok(true));
        let all = u32::try_from(HASHES_WAITING).unwrap();
        let held = Arc::clone(&users.waiting).acquire_many_owned(all).await.unwrap();
        assert_eq!(users.knows("ann", b"other").await, Err(Busy));
        assert_eq!(users.knows("ann", b"secret").await, Ok(true));
        drop(held);
        assert_eq!(users.knows("ann", b"other").await, Ok(false));
    }

    #[test]
    fn a_hash_whose_client_has_gone_keeps_its_place_until_it_is_done() {
        use tokio::runtime::Builder;
        let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let users = Users::parse(&format!("ann:{}\n", hash_of("secret"))).unwrap();
            // The one thread is taken: no hash can begin.
            let (free, wait) = std::sync::mpsc::channel::<()>();
            let blocked = tokio::task::spawn_blocking(move || wait.recv());
            let mut asked = Box::pin(users.knows("ann", b"other"));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(asked.as_mut().poll(&mut context).is_pending());
            drop(asked);
            assert_eq!(users.at_once.available_permits(), HASHES_AT_ONCE - 1);
            free.send(()).unwrap();
            blocked.await.unwrap().unwrap();
            let all = u32::try_from(HASHES_AT_ONCE).unwrap();
            assert!(users.at_once.acquire_many(all).await.is_ok());
        });
    }

    #[test]
    fn every_bad_line_is_told_with_its_number() {
        let hash = hash_of("x");
        let file = format!("ann:{hash}\nann:{hash}\nplain\nbob:secret\n:{hash}\n");
        let faults = Users::parse(&file).unwrap_err();
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| match fault {
                UsersFault::Line { line } | UsersFault::Doubled { line } => *line,
            })
            .collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }
}
